package discovery

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

const (
	stateVersion = 1
	maxStateFile = 16 << 20 // bytes
)

// state is the state file: the instances of one service as they were last known,
// for a start while the source does not answer.
type state struct {
	Version   int        `json:"version"`
	Service   string     `json:"service"`
	Instances []Instance `json:"instances"`
}

// Load reads the instances of a service from a state file that [Save] wrote. A file
// that does not exist has none. Any other file is an error that says what is wrong
// with it, and is left as it is: garbage, one of another version or service, one
// above 16 MiB, one with an instance that no source could have listed.
func Load(path, service string) ([]Instance, error) {
	instances, err := load(path, service)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("load state file %s: %w", path, err)
	}
	return instances, nil
}

func load(path, service string) ([]Instance, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() { // opening a pipe would wait for a writer
		return nil, errors.New("it is not a regular file")
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	data, err := io.ReadAll(io.LimitReader(f, maxStateFile+1))
	if err != nil {
		return nil, err
	}
	if len(data) > maxStateFile {
		return nil, fmt.Errorf("it is larger than %d MiB", maxStateFile>>20)
	}
	return parseState(data, service)
}

func parseState(data []byte, service string) ([]Instance, error) {
	// The version first: another one may have other fields.
	var head struct {
		Version int `json:"version"`
	}
	if err := json.Unmarshal(data, &head); err != nil {
		return nil, err
	}
	if head.Version != stateVersion {
		return nil, fmt.Errorf("its version is %d, not %d", head.Version, stateVersion)
	}
	var s state
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&s); err != nil {
		return nil, err
	}
	if s.Service != service {
		return nil, fmt.Errorf("it is for service %q, not %q", s.Service, service)
	}
	if len(s.Instances) > MaxInstances {
		return nil, errTooMany
	}
	seen := make(map[string]bool, len(s.Instances))
	for _, i := range s.Instances {
		if err := check(i); err != nil {
			return nil, fmt.Errorf("instance %q: %w", i.ID, err)
		}
		if seen[i.ID] {
			return nil, fmt.Errorf("instance %q is listed twice", i.ID)
		}
		seen[i.ID] = true
	}
	return s.Instances, nil
}

// check says what is wrong with an instance.
func check(i Instance) error {
	if i.ID == "" {
		return errors.New("it has no id")
	}
	if i.Weight < 1 || i.Weight > 65535 {
		return fmt.Errorf("weight %d is not between 1 and 65535", i.Weight)
	}
	_, err := parseAddr(i.Addr)
	return err
}

// Save writes a state file, readable by its owner only. It is written beside its
// place and renamed, so that whoever reads it, after a crash too, finds the old or
// the new one whole.
func Save(path, service string, instances []Instance) error {
	if err := save(path, service, instances); err != nil {
		return fmt.Errorf("save state file %s: %w", path, err)
	}
	return nil
}

func save(path, service string, instances []Instance) (err error) {
	data, err := json.MarshalIndent(state{stateVersion, service, instances}, "", "\t")
	if err != nil {
		return err
	}
	dir := filepath.Dir(path)
	f, err := os.CreateTemp(dir, filepath.Base(path)+".*.tmp") // mode 0600
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = os.Remove(f.Name())
		}
	}()
	_, err = f.Write(append(data, '\n'))
	if err == nil {
		err = f.Sync()
	}
	if closeErr := f.Close(); err == nil {
		err = closeErr
	}
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return err
	}
	return syncDir(dir)
}

// syncDir makes a rename last: fsync(2) of a file does not include its name.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

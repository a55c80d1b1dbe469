package discovery

import (
	"encoding/json"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"syscall"
	"testing"
)

func TestStateFileGivesBackWhatWasSaved(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	want := []Instance{
		{ID: "n/a", Addr: "10.0.0.1:80", Node: "n", Weight: 3, Tags: []string{"blue"}, Meta: map[string]string{"k": "v"}, Ready: true, Alive: true},
		{ID: "n/b", Addr: "[::1]:80", Weight: 1, Unconfirmed: true},
	}
	for range 2 { // a second time over the first
		if err := Save(path, "apps", want); err != nil {
			t.Fatal(err)
		}
	}
	got, err := Load(path, "apps")
	if err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v", got, err)
	}
	if info, err := os.Stat(path); err != nil || info.Mode() != 0o600 {
		t.Errorf("%v, %v", info, err)
	}
	if files, err := os.ReadDir(filepath.Dir(path)); err != nil || len(files) != 1 {
		t.Errorf("files left behind: %v, %v", files, err)
	}
}

func TestLoad(t *testing.T) {
	for _, c := range []struct{ name, content, want, wrong string }{
		{"a file", `{"version":1,"service":"apps","instances":[{"id":"a","addr":"h:1","weight":1,"ready":true,"alive":true}]}`, "a", ""},
		{"a file without instances", `{"version":1,"service":"apps","instances":[]}`, "", ""},
		{"nothing", ``, "", "unexpected end"},
		{"garbage", "\x00\xff!", "", "invalid character"},
		{"half a file", `{"version":1,"service":"apps","instances":[`, "", "unexpected end"},
		{"two files", `{"version":1,"service":"apps"}{}`, "", "after top-level value"},
		{"a list", `[]`, "", "cannot unmarshal array"},
		{"another version", `{"version":2,"service":"apps","hosts":[]}`, "", "version is 2, not 1"},
		{"no version", `{"service":"apps","instances":[]}`, "", "version is 0, not 1"},
		{"another service", `{"version":1,"service":"redis","instances":[]}`, "", `for service "redis", not "apps"`},
		{"an unknown field", `{"version":1,"service":"apps","instances":[],"extra":1}`, "", `unknown field "extra"`},
		{"an instance of the wrong type", `{"version":1,"service":"apps","instances":["h:1"]}`, "", "cannot unmarshal string"},
		{"an instance without an id", `{"version":1,"service":"apps","instances":[{"addr":"h:1","weight":1}]}`, "", `instance "": it has no id`},
		{"an instance without an address", `{"version":1,"service":"apps","instances":[{"id":"a","weight":1}]}`, "", `instance "a": missing port`},
		{"an instance with port 0", `{"version":1,"service":"apps","instances":[{"id":"a","addr":"h:0","weight":1}]}`, "", `instance "a": port 0`},
		{"an instance with an address that is none", `{"version":1,"service":"apps","instances":[{"id":"a","addr":"h_h:1","weight":1}]}`, "", `instance "a": address "h_h"`},
		{"an instance without a weight", `{"version":1,"service":"apps","instances":[{"id":"a","addr":"h:1"}]}`, "", `instance "a": weight 0`},
		{"an instance listed twice", `{"version":1,"service":"apps","instances":[{"id":"a","addr":"h:1","weight":1},{"id":"a","addr":"h:2","weight":1}]}`, "", `instance "a" is listed twice`},
		{"too many instances", `{"version":1,"service":"apps","instances":[` + strings.Repeat("{},", MaxInstances) + `{}]}`, "", "more than 10000"},
		{"a large file", strings.Repeat(" ", maxStateFile+1), "", "larger than 16 MiB"},
	} {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "state")
			if err := os.WriteFile(path, []byte(c.content), 0o600); err != nil {
				t.Fatal(err)
			}
			got, err := Load(path, "apps")
			if short(got) != c.want || (err == nil) != (c.wrong == "") {
				t.Errorf("got %q, %v", short(got), err)
			}
			if err != nil && (!strings.Contains(err.Error(), c.wrong) || !strings.Contains(err.Error(), path)) {
				t.Errorf("the error is %v", err)
			}
			if left, err := os.ReadFile(path); err != nil || string(left) != c.content {
				t.Errorf("the file was changed")
			}
		})
	}
}

func TestLoadOfWhatIsNoFile(t *testing.T) {
	dir := t.TempDir()
	if got, err := Load(filepath.Join(dir, "missing"), "apps"); got != nil || err != nil {
		t.Errorf("a missing file gave %v, %v", got, err)
	}
	pipe := filepath.Join(dir, "pipe")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{dir, pipe} {
		if _, err := Load(path, "apps"); err == nil || !strings.Contains(err.Error(), "not a regular file") {
			t.Errorf("%s gave %v", path, err)
		}
	}
}

func TestASaveThatFailsLeavesTheOldFileAndNothingElse(t *testing.T) {
	dir := t.TempDir()
	if err := Save(filepath.Join(dir, "missing", "state"), "apps", nil); err == nil {
		t.Error("saved into a folder that does not exist")
	}
	if err := os.Mkdir(filepath.Join(dir, "state"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := Save(filepath.Join(dir, "state"), "apps", nil); err == nil {
		t.Error("saved over a folder")
	}
	if files, err := os.ReadDir(dir); err != nil || len(files) != 1 {
		t.Errorf("files left behind: %v, %v", files, err)
	}
}

func FuzzParseState(f *testing.F) {
	f.Add([]byte(`{"version":1,"service":"apps","instances":[{"id":"a","addr":"h:1","weight":1,"ready":true,"alive":true}]}`))
	f.Add([]byte(`{"version":1,"service":"apps","instances":[{"id":"a","addr":"[::1]:1","weight":65535,"tags":["x"],"meta":{"k":"v"}}]}`))
	f.Add([]byte(`{"version":2}`))
	f.Add([]byte(`null`))
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := parseState(data, "apps")
		if err != nil {
			if got != nil {
				t.Errorf("instances in spite of %v", err)
			}
			return
		}
		for _, i := range got {
			if err := check(i); err != nil {
				t.Errorf("%+v: %v", i, err)
			}
		}
		again, err := json.Marshal(state{stateVersion, "apps", got})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := parseState(again, "apps"); err != nil {
			t.Errorf("what it gave is not taken back: %v", err)
		}
	})
}

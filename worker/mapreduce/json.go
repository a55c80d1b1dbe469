package mapreduce

import (
	"bytes"
	"encoding/json"
	"errors"
)

func marshal(v any) ([]byte, error) { return json.Marshal(v) }

// unmarshal is strict: what it does not know comes from a newer version, or from somebody
// else.
func unmarshal(data []byte, to any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.DisallowUnknownFields()
	if err := d.Decode(to); err != nil {
		return err
	}
	if d.More() {
		return errors.New("there is something behind it")
	}
	return nil
}

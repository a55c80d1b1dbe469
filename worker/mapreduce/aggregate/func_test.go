package aggregate

import (
	"encoding/json"
	"slices"
	"testing"
)

func TestParseFuncs(t *testing.T) {
	got, err := ParseFuncs([]string{"p99", "count", "distinct"})
	if err != nil || !slices.Equal(got, []Func{P99, Count, Distinct}) {
		t.Errorf("%v, %v", got, err)
	}
	if got, err := ParseFuncs(nil); got != nil || err != nil {
		t.Errorf("of none: %v, %v", got, err)
	}
	for list, want := range map[string][]string{
		`"p98" is none of [count sum min max mean p50 p90 p99 distinct]`: {"count", "p98"},
		`"" is none of [count sum min max mean p50 p90 p99 distinct]`:    {""},
		`sum is there twice`: {"sum", "count", "sum"},
	} {
		if got, err := ParseFuncs(want); err == nil || err.Error() != list || got != nil {
			t.Errorf("%q: %v, %v, want %s", want, got, err, list)
		}
	}
}

func TestAFuncOfJSONIsOneThatThereIs(t *testing.T) {
	var got []Func
	if err := json.Unmarshal([]byte(`["mean","p50"]`), &got); err != nil || !slices.Equal(got, []Func{Mean, P50}) {
		t.Errorf("%v, %v", got, err)
	}
	if err := json.Unmarshal([]byte(`["median"]`), &got); err == nil {
		t.Error("median is taken")
	}
}

func TestAccuracy(t *testing.T) {
	for _, f := range funcs {
		want := map[Func]string{P50: "±1%", P90: "±1%", P99: "±1%", Distinct: "SE 0.81%"}[f]
		if got := f.Accuracy(); got != want {
			t.Errorf("%s: %s, want %s", f, got, want)
		}
	}
}

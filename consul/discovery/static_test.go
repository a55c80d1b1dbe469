package discovery

import (
	"strings"
	"testing"
)

func TestParseStatic(t *testing.T) {
	for _, c := range []struct{ name, in, want, wrong string }{
		{"one instance", "h:1", "h:1", ""},
		{"several are sorted", "b:1,a:1,10.0.0.1:80,[::1]:80", "10.0.0.1:80 [::1]:80 a:1 b:1", ""},
		{"one address with two ports is two instances", "h:1,h:2", "h:1 h:2", ""},
		{"an empty list is an error", "", "", "empty"},
		{"an empty entry is an error", "h:1,", "", `instance ""`},
		{"an entry that is wrong is named", "h:1,i:0,j:2", "", `instance "i:0": port 0`},
		{"a duplicate is an error", "h:1,h:1", "", `"h:1" is listed twice`},
		{"a duplicate in other words is an error", "[::1]:80,[0::1]:80", "", `"[0::1]:80" is listed twice`},
		{"spaces are errors", "h:1, i:1", "", `" i:1"`},
		{"a list without end is an error", strings.Repeat("h:1,", MaxInstances) + "h:1", "", "more than 10000"},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, err := ParseStatic(c.in)
			if got := short(s.instances); got != c.want || (err == nil) != (c.wrong == "") ||
				err != nil && !strings.Contains(err.Error(), c.wrong) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
}

func TestStaticPublishesItsListOnce(t *testing.T) {
	s, err := ParseStatic("b:1,a:1")
	if err != nil {
		t.Fatal(err)
	}
	r := start(t, s)
	set := r.want("static: a:1 b:1")
	if i := set.Instances[0]; i.Addr != "a:1" || i.Weight != 1 || !i.Alive || set.Since.IsZero() {
		t.Errorf("published %+v", set)
	}
	r.stop()
	r.none()
}

func FuzzParseStatic(f *testing.F) {
	f.Add("h:1,[::1]:2")
	f.Add("h:1,,")
	f.Add("10.0.0.1:99999")
	f.Fuzz(func(t *testing.T, list string) {
		s, err := ParseStatic(list)
		if err != nil {
			return
		}
		var again []string
		for _, i := range s.instances {
			if err := check(i); err != nil {
				t.Errorf("%q gave %+v: %v", list, i, err)
			}
			again = append(again, i.Addr)
		}
		if _, err := ParseStatic(strings.Join(again, ",")); err != nil {
			t.Errorf("%q gave a list that is not one: %v", list, err)
		}
	})
}

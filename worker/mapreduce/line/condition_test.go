package line

import (
	"strings"
	"testing"
	"unicode/utf8"
)

func TestParseCondition(t *testing.T) {
	cases := []struct {
		text string
		want Condition
	}{
		{"status=200", Condition{"status", Equal, "200"}},
		{"status!=200", Condition{"status", NotEqual, "200"}},
		{"path~^/api", Condition{"path", Matches, "^/api"}},
		{"path!~^/api", Condition{"path", MatchesNot, "^/api"}},
		{"status<500", Condition{"status", Less, "500"}},
		{"status<=500", Condition{"status", AtMost, "500"}},
		{"status>500", Condition{"status", More, "500"}},
		{"status>=500", Condition{"status", AtLeast, "500"}},
		{"9>=-1.5e3", Condition{"9", AtLeast, "-1.5e3"}},
		{"path=", Condition{"path", Equal, ""}},
		{"path~", Condition{"path", Matches, ""}},
		{"a=b=c", Condition{"a", Equal, "b=c"}},
		{"a==c", Condition{"a", Equal, "=c"}},
		{"a=>1", Condition{"a", Equal, ">1"}},
		{"a~=1", Condition{"a", Matches, "=1"}},
		{"user agent= x ", Condition{"user agent", Equal, " x "}},
	}
	for _, c := range cases {
		got, err := ParseCondition(c.text)
		if err != nil || got != c.want {
			t.Errorf("%s: %+v %v, want %+v", c.text, got, err, c.want)
		}
		if got.String() != c.text {
			t.Errorf("%s is written %s", c.text, got)
		}
		if again := stored(t, got); again != got {
			t.Errorf("%s is stored as %+v", c.text, again)
		}
	}
}

func TestConditionsThatAreWrong(t *testing.T) {
	cases := []struct{ text, want string }{
		{"", `condition "" has no operator: write FIELD=VALUE, or with != ~ !~ < <= > or >=`},
		{"status", `condition "status" has no operator: write FIELD=VALUE, or with != ~ !~ < <= > or >=`},
		{"=200", `condition "=200" has no field before the =`},
		{">=200", `condition ">=200" has no field before the >=`},
		{"a!b=c", `condition "a!b=c": after ! comes = or ~`},
		{"a!", `condition "a!": after ! comes = or ~`},
		{"status >= 500", `condition "status >= 500": write it without blanks around the field and the >=`},
		{" status=500", `condition " status=500": write it without blanks around the field and the =`},
		{"status>=5xx", `condition "status>=5xx": >= compares numbers: write one behind it, such as 500 or 1.5`},
		{"status>", `condition "status>": > compares numbers: write one behind it, such as 500 or 1.5`},
		{"status>05", `condition "status>05": > compares numbers: write one behind it, such as 500 or 1.5`},
		{"status<=>5", `condition "status<=>5": <= compares numbers: write one behind it, such as 500 or 1.5`},
		{"path~(", `condition "path~(": missing closing ): "("`},
		{"path!~a**", `condition "path!~a**": invalid nested repetition operator: "**"`},
		{"a\nb>x", `condition "a\nb>x": > compares numbers: write one behind it, such as 500 or 1.5`},
		{"a=\xff", `condition "a=\xff" is not UTF-8`},
		{"a~" + strings.Repeat("x", MaxRegexp+1), `condition "a~` + strings.Repeat("x", 98) + `": it has more than 4096 bytes`},
	}
	for _, c := range cases {
		if got, err := ParseCondition(c.text); err == nil || err.Error() != c.want {
			t.Errorf("%q: %+v %v, want %s", c.text, got, err, c.want)
		}
	}
}

func TestFiltersThatAreWrong(t *testing.T) {
	names := []string{"a"}
	cases := []struct {
		condition Condition
		want      string
	}{
		{Condition{"b", Equal, "1"}, `condition "b=1": the field is not read`},
		{Condition{"a", "", "1"}, `condition "a1": "" is no operator`},
		{Condition{"a", "=~", "1"}, `condition "a=~1": "=~" is no operator`},
		{Condition{"a", Less, "x"}, `condition "a<x": < compares numbers: write one behind it, such as 500 or 1.5`},
		{Condition{"a", MatchesNot, "("}, `condition "a!~(": missing closing ): "("`},
	}
	for _, c := range cases {
		if _, err := NewFilter([]Condition{c.condition}, names); err == nil || err.Error() != c.want {
			t.Errorf("%+v: %v, want %s", c.condition, err, c.want)
		}
	}
}

func TestFilter(t *testing.T) {
	const line = `{"n":200,"s":"abc","number":"1.0","empty":"","yes":true,"no":null,"list":[1, 2],"tiny":1e-400,"long":9007199254740993,"zero":0}`
	names := []string{"n", "s", "number", "empty", "yes", "no", "list", "gone", "tiny", "long", "zero"}
	values, err := newReader(t, Format{Kind: JSON}, names...).Fields([]byte(line))
	if err != nil {
		t.Fatal(err)
	}
	cases := []struct {
		met, unmet string // conditions
	}{
		{"n=200 n=200.0 n=2e2 n=20000E-2", "n=201 n= n=0200 n=200. n=x n=-200"},
		{"n!=201 n!=abc", "n!=200 n!=200.00"},
		{"n<201 n<200.5 n<1e9 n>199.999 n>=200 n<=200.0 n>-300", "n<200 n<199 n>200 n>=200.001 n<=1.999e2 n<-300"},
		{"n~^2 n~00$ n~ n!~3", "n~3 n!~2"},
		{"s=abc s!=ab s~b s~^abc$ s!~x", "s=ab s!=abc s~x s!~b s<1 s>1 s<=1 s>=1"},
		{"number=1 number=1.0 number=10e-1 number>=1 number<1.1", "number=1.01 number!=1 number>1"},
		{"empty= empty~^$ empty~ empty!=0", "empty!= empty=0 empty~. empty<1 empty>-1"},
		{"yes=true yes~tr yes!=True", "yes=True yes=1 yes!=true yes>0"},
		{"no=null no!=", "no= no!=null no<1"},
		{"list~2 list!=[1,2]", "list=[1,2] list>0"},
		{"gone!=x gone!= gone!~x gone!~", "gone= gone=x gone~ gone~x gone<1 gone<=1 gone>1 gone>=1"},
		{"tiny>0 tiny!=0 tiny=10e-401 tiny<1e-399", "tiny=0 tiny<=0 tiny>=1e-399"},
		{"zero=0.0 zero=-0 zero!=x zero>-1e-9", "zero=x zero= zero>0 zero<0"},
		{"long>9007199254740992 long=9007199254740993.0", "long=9007199254740992 long<9007199254740993"},
	}
	match := func(texts ...string) bool {
		var conditions []Condition
		for _, text := range texts {
			c, err := ParseCondition(text)
			if err != nil {
				t.Fatal(err)
			}
			conditions = append(conditions, c)
		}
		f, err := NewFilter(conditions, names)
		if err != nil {
			t.Fatal(err)
		}
		return f.Match(values)
	}
	if !match() {
		t.Error("without conditions the line is not chosen")
	}
	for _, c := range cases {
		met, unmet := strings.Fields(c.met), strings.Fields(c.unmet)
		if !match(met...) {
			t.Errorf("%s are not all met", c.met)
		}
		for _, text := range unmet {
			if match(text) {
				t.Errorf("%s is met", text)
			}
			if match(append(met, text)...) {
				t.Errorf("%s and %s are met", c.met, text)
			}
		}
	}
}

func TestFilterAllocatesNothing(t *testing.T) {
	names := []string{"status", "method", "duration_ms"}
	r := newReader(t, Format{Kind: JSON}, names...)
	f, err := NewFilter([]Condition{{"status", AtLeast, "100"}, {"method", NotEqual, "x"}, {"status", NotEqual, "1"}, {"duration_ms", More, "-1.5e-3"}}, names)
	if err != nil {
		t.Fatal(err)
	}
	values, err := r.Fields([]byte(accessLog(1)[0]))
	if err != nil {
		t.Fatal(err)
	}
	n := testing.AllocsPerRun(100, func() {
		if !f.Match(values) {
			t.Fatal("the line is not chosen")
		}
	})
	if n > 0 {
		t.Errorf("%v allocations", n)
	}
}

// What is a condition is written as it was read, and can be asked of anything.
func FuzzCondition(f *testing.F) {
	for _, text := range []string{"status>=500", "path~^/api", "a!=b", "a!~(?i)x", "x<1e99999999999999999999", "=", "a==b"} {
		f.Add(text, "200")
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		c, err := ParseCondition(text)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n") {
				t.Fatalf("%q: an error of several lines: %v", text, err)
			}
			return
		}
		again, err := ParseCondition(c.String())
		if err != nil || again != c || c.String() != text || stored(t, c) != c || !utf8.ValidString(text) {
			t.Fatalf("%q: %+v, and then %+v %v", text, c, again, err)
		}
		filter, err := NewFilter([]Condition{c}, []string{c.Field})
		if err != nil {
			t.Fatalf("%q: %v", text, err)
		}
		opposite := map[Op]Op{Equal: NotEqual, NotEqual: Equal, Matches: MatchesNot, MatchesNot: Matches}
		for _, v := range []Value{{}, {String, []byte(value)}, {Other, []byte(value)}} {
			met := filter.Match([]Value{v})
			if met && v.Kind == Missing && c.Op != NotEqual && c.Op != MatchesNot {
				t.Fatalf("%q is met by what is missing", text)
			}
			if op := opposite[c.Op]; op != "" {
				other, err := NewFilter([]Condition{{c.Field, op, c.Value}}, []string{c.Field})
				if err != nil || other.Match([]Value{v}) == met {
					t.Fatalf("%q and its opposite are the same of %q: %v", text, value, err)
				}
			}
		}
	})
}

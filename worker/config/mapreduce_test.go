package config

import (
	"reflect"
	"strings"
	"testing"

	"formation/worker/mapreduce"
	"formation/worker/mapreduce/aggregate"
	"formation/worker/mapreduce/line"
)

// counted is a run that counts the lines of files.
func counted(inputs ...string) mapreduce.Spec {
	return mapreduce.Spec{Inputs: inputs, Format: line.Format{Kind: line.JSON}, Group: mapreduce.Grouping{Agg: funcsOf("count")},
		ShardSize: mapreduce.DefaultShard, MaxStored: mapreduce.DefaultStored}
}

func funcsOf(names ...string) (all []aggregate.Func) {
	for _, name := range names {
		all = append(all, aggregate.Func(name))
	}
	return all
}

func TestARunIsWhatTheOptionsSay(t *testing.T) {
	cases := []struct {
		name string
		args []string
		want func(*mapreduce.Spec)
	}{
		{"all lines", nil, func(*mapreduce.Spec) {}},
		{"patterns with commas", []string{"--input=b,c"}, func(s *mapreduce.Spec) { s.Inputs = []string{"a", "b,c"} }},
		{"fields", []string{"--by=status,path", "--by", "host"}, func(s *mapreduce.Spec) { s.Group.By = []string{"status", "path", "host"} }},
		{"a field with a comma", []string{`--by=a\,b`}, func(s *mapreduce.Spec) { s.Group.By = []string{"a,b"} }},
		{"functions", []string{"--of=ms", "--agg=p99,sum", "--agg=count", "--top=7"}, func(s *mapreduce.Spec) {
			s.Group, s.Top = mapreduce.Grouping{Of: "ms", Agg: funcsOf("p99", "sum", "count")}, 7
		}},
		{"conditions with commas", []string{"--where=path~^/a{1,2}", "--where", "status>=500"}, func(s *mapreduce.Spec) {
			s.Where = []line.Condition{{Field: "path", Op: line.Matches, Value: "^/a{1,2}"}, {Field: "status", Op: line.AtLeast, Value: "500"}}
		}},
		{"groups of groups", []string{"--by=a,b", "--then-by=a"}, func(s *mapreduce.Spec) {
			s.Group.By = []string{"a", "b"}
			s.Then = &mapreduce.Grouping{By: []string{"a"}, Agg: funcsOf("count")}
		}},
		{"what is made first", []string{"--by=a,b", "--of=ms", "--agg=sum,count", "--then-by=a", "--then-agg=count,max"}, func(s *mapreduce.Spec) {
			s.Group = mapreduce.Grouping{By: []string{"a", "b"}, Of: "ms", Agg: funcsOf("sum", "count")}
			s.Then = &mapreduce.Grouping{By: []string{"a"}, Of: "sum", Agg: funcsOf("count", "max")}
		}},
		{"what is made next", []string{"--by=a,b", "--of=ms", "--agg=sum,count", "--then-by=a", "--then-agg=max", "--then-of=count"}, func(s *mapreduce.Spec) {
			s.Group = mapreduce.Grouping{By: []string{"a", "b"}, Of: "ms", Agg: funcsOf("sum", "count")}
			s.Then = &mapreduce.Grouping{By: []string{"a"}, Of: "count", Agg: funcsOf("max")}
		}},
		{"lines", []string{"--ordered", "--strict"}, func(s *mapreduce.Spec) {
			s.Ordered, s.Strict, s.Group, s.ShardSize = true, true, mapreduce.Grouping{}, mapreduce.OrderedShard
		}},
		{"an expression", []string{"--regexp=^(?P<ip>[^ ,]{1,40}) ", "--by=ip"}, func(s *mapreduce.Spec) {
			s.Format, s.Group.By = line.Format{Kind: line.Regexp, Regexp: "^(?P<ip>[^ ,]{1,40}) "}, []string{"ip"}
		}},
		{"columns", []string{"--column=1,3", "--of=4", "--agg=sum", "--where=5=x"}, func(s *mapreduce.Spec) {
			s.Format.Kind, s.Where = line.Columns, []line.Condition{{Field: "5", Op: line.Equal, Value: "x"}}
			s.Group = mapreduce.Grouping{By: []string{"1", "3"}, Of: "4", Agg: funcsOf("sum")}
		}},
		{"columns between commas", []string{"--column=1", "--by=3", "--separator", ","}, func(s *mapreduce.Spec) {
			s.Format, s.Group.By = line.Format{Kind: line.Columns, Separator: ","}, []string{"1", "3"}
		}},
		{"columns between blanks", []string{"--separator=", "--by=2"}, func(s *mapreduce.Spec) {
			s.Format.Kind, s.Group.By = line.Columns, []string{"2"}
		}},
		{"sizes", []string{"--shard-size=64kB", "--max-stored=1GiB"}, func(s *mapreduce.Spec) { s.ShardSize, s.MaxStored = 64_000, 1<<30 }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got, want := parse[MapReduce](t, append([]string{"mapreduce", "--input=a"}, c.args...)...).Spec, counted("a")
			if c.want(&want); !reflect.DeepEqual(got, want) {
				t.Errorf("got  %+v\nwant %+v", got, want)
			}
		})
	}
}

func TestABadRunNamesItsOption(t *testing.T) {
	cases := []struct{ name, args, want string }{
		{"no input", "", "--input: "},
		{"two formats", "--input=a --regexp=(?P<a>.) --column=1", "--regexp: --column is given too"},
		{"two other formats", "--input=a --regexp=(?P<a>.) --separator=,", "--regexp: --separator is given too"},
		{"an expression that is none", "--input=a --regexp=(", "--regexp: "},
		{"a field that is no group", "--input=a --regexp=(?P<a>.) --by=b", "--by: "},
		{"a column 0", "--input=a --column=0", "--column: "},
		{"a column that is no number", "--input=a --column=x", "--column: "},
		{"a field that is no column", "--input=a --column=1 --by=x", "--by: "},
		{"a value that is no column", "--input=a --column=1 --of=x --agg=sum", "--of: "},
		{"a condition of no column", "--input=a --column=1 --where=x=1", "--where: "},
		{"a condition without an operator", "--input=a --where=x", "--where: "},
		{"an unknown function", "--input=a --agg=median", "--agg: "},
		{"an unknown function then", "--input=a --by=a --then-by=a --then-agg=median", "--then-agg: "},
		{"a function of nothing", "--input=a --agg=sum", "--agg: sum is of a field: give --of"},
		{"a column twice", "--input=a --by=a,a", "--by"},
		{"a column that is not there", "--input=a --by=a --then-by=b", "--then-by: "},
		{"a value that is not there", "--input=a --by=a --then-by=a --then-of=b --then-agg=max", "--then-of: "},
		{"what comes then, and nothing does", "--input=a --then-of=count", "--then-of and --then-agg: "},
		{"functions then, and nothing comes", "--input=a --then-agg=count", "--then-of and --then-agg: "},
		{"groups and lines", "--input=a --by=a --ordered", "--ordered "},
		{"functions and lines", "--input=a --agg=count --ordered", "--ordered "},
		{"lines as JSON", "--input=a --ordered --json", "--ordered: "},
		{"lines as CSV", "--input=a --ordered --csv", "--ordered: "},
		{"JSON and CSV", "--input=a --json --csv", "--csv: --json is given too"},
		{"nothing as JSON", "--input=a --detach --json", "--detach: "},
		{"a negative number of groups", "--input=a --top=-1", "--top: "},
		{"a size that is none", "--input=a --shard-size=1.5MB", "--shard-size: "},
		{"no size", "--input=a --max-stored=0", "--max-stored: "},
		{"a size that is too small", "--input=a --shard-size=1kB", "--shard-size: "},
		{"a size that is too large", "--input=a --max-stored=2TiB", "--max-stored: "},
		{"a queue with a space", "--input=a --queue=a?b", "--queue: "},
		{"a redis", "--input=a --redis=nowhere", "--redis: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			_, err := Parse(append([]string{"mapreduce"}, strings.Fields(c.args)...), t.Output())
			if err == nil || !strings.HasPrefix(err.Error(), c.want) || strings.Contains(err.Error(), "\n") {
				t.Errorf("error is %v, want %s", err, c.want)
			}
		})
	}
}

func TestSizes(t *testing.T) {
	for text, want := range map[string]Size{
		"1": 1, "1000": 1000, "1000B": 1000, "64MB": 64_000_000, "32MiB": 32 << 20, "2kB": 2000, "2KB": 2000, "2KiB": 2048,
		"3GB": 3e9, "3GiB": 3 << 30, "4TB": 4e12, "4TiB": 4 << 40, "9223372036854775807": 1<<63 - 1, "8388607TiB": 8388607 << 40,
		"": 0, "0": 0, "0MB": 0, "-1": 0, "+1": 0, "1.5MB": 0, "1e3": 0, "1 MB": 0, "MB": 0, "1mb": 0, "1M": 0, "1MBB": 0, "0x10": 0, "1_000": 0,
		"9223372036854775808": 0, "8388608TiB": 0, "99999999999999999999GB": 0,
	} {
		var got Size
		if err := got.UnmarshalText([]byte(text)); got != want || (err == nil) != (want > 0) {
			t.Errorf("%q: %d, %v, want %d", text, got, err, want)
		}
	}
}

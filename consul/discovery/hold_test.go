package discovery

import (
	"strings"
	"testing"
	"time"
)

const hold = 90 * time.Second

// Each case is a story, a line per event: the second it happens at, what happens, and
// what the fleet is after it.
//
//	list a b-   the source lists a (ready) and b (not ready); b~ is in maintenance
//	break       the source fails, or went back in time
//	time        only time passes
func TestHold(t *testing.T) {
	for _, c := range []struct{ name, initial, story string }{
		{"a removal on an unbroken watch is trusted", "", `
			0 list a b -> a b
			1 list a   -> a`},
		{"an instance that is not ready on an unbroken watch is trusted", "", `
			0 list a b -> a b
			1 list a b- -> a b-`},
		{"all instances not ready on an unbroken watch is trusted", "", `
			0 list a b -> a b
			1 list a- b- -> a- b-`},
		{"a removal that empties the fleet is held for the hold time", "", `
			0 list a b -> a b
			1 list     -> a? b?
			90 time    -> a? b?
			91 time    ->`},
		{"lists that stay empty do not prolong the hold", "", `
			0 list a -> a
			1 list   -> a?
			80 list  -> a?
			91 time  ->`},
		{"a removal that leaves nothing but instances that are not ready empties the fleet", "", `
			0 list a b -> a b
			1 list b-  -> a? b-
			91 time    -> b-`},
		{"what was held for emptying the fleet is confirmed when it is ready again", "", `
			0 list a b -> a b
			1 list     -> a? b?
			5 list a   -> a b?
			91 time    -> a`},
		{"what was held and is listed again, not ready yet, stays until it is ready", "", `
			0 list a  -> a
			1 list    -> a?
			2 list a- -> a?
			3 list a  -> a`},
		{"what was held and is listed again, never ready, is shown as it is in the end", "", `
			0 list a  -> a
			1 list    -> a?
			2 list a- -> a?
			91 time   -> a-`},
		{"beside what is held for emptying the fleet, other removals are trusted", "", `
			0 list a -> a
			1 list   -> a?
			2 list b c -> a? b c
			3 list b -> a? b`},
		{"each time that the fleet is emptied has its own hold time", "", `
			0 list a  -> a
			1 list    -> a?
			50 list b -> a? b
			60 list   -> a? b?
			91 time   -> b?
			150 time  ->`},
		{"after a break, what is missing is held", "", `
			0 list a b c -> a b c
			1 break    -> a b c
			2 list a   -> a b? c?
			91 time    -> a b? c?
			92 time    -> a`},
		{"after a break, what is not ready is held", "", `
			0 list a b  -> a b
			1 break     -> a b
			2 list a b- -> a b?
			92 time     -> a b-`},
		{"after a break, a list that grows back in parts confirms one by one", "", `
			0 list a b c -> a b c
			1 break      -> a b c
			2 list       -> a? b? c?
			9 list b-    -> a? b? c?
			12 list b    -> a? b c?
			30 list a- b -> a? b c?
			31 list a b  -> a b c?
			92 time      -> a b`},
		{"after a break, later removals are held to the end of the same time", "", `
			0 list a b -> a b
			1 break    -> a b
			2 list a b -> a b
			50 list a  -> a b?
			92 time    -> a`},
		{"the hold time after a break over, removals are trusted again", "", `
			0 list a b  -> a b
			1 break     -> a b
			2 list a b  -> a b
			92 list a   -> a`},
		{"after several breaks the clock starts with the first list after the last one", "", `
			0 list a b -> a b
			1 break    -> a b
			2 list a   -> a b?
			60 break   -> a b?
			80 list a  -> a b?
			169 time   -> a b?
			170 time   -> a`},
		{"nothing expires while the source fails", "", `
			0 list a b -> a b
			1 break    -> a b
			2 list a   -> a b?
			3 break    -> a b?
			500 time   -> a b?
			501 list a -> a b?
			591 time   -> a`},
		{"what was not ready before a break is not held", "", `
			0 list a b- -> a b-
			1 break     -> a b-
			2 list a    -> a`},
		{"maintenance is honoured after a break", "", `
			0 list a b  -> a b
			1 break     -> a b
			2 list a b~ -> a b-`},
		{"maintenance of an instance that is held ends its hold", "", `
			0 list a b  -> a b
			1 break     -> a b
			2 list a    -> a b?
			3 list a b~ -> a b-`},
		{"an instance is not held when another has its address", "", `
			0 list a b@x:1 -> a b
			1 break        -> a b
			2 list a c@x:1 -> a c`},
		{"a hold ends when another instance takes the address", "", `
			0 list a b@x:1  -> a b
			1 break         -> a b
			2 list a        -> a b?
			3 list a c-@x:1 -> a c-`},
		{"an instance that moved and is not ready is not held at its old address", "", `
			0 list a b@x:1  -> a b
			1 break         -> a b
			2 list a b-@x:2 -> a b-`},
		{"two instances of one address are held both", "", `
			0 list a@x:1 b@x:1 c -> a b c
			1 break              -> a b c
			2 list c             -> a? b? c`},
		{"a good first list is trusted against the state file", "a b", `
			0 list a -> a
			1 list a -> a`},
		{"a first list without a claimable instance counts as a break", "a b", `
			0 list b- -> a? b?
			5 list b  -> a? b
			90 time   -> b`},
		{"a first list of nothing is trusted where nothing was known", "", `
			0 list     ->
			1 list a b -> a b
			2 list a   -> a`},
		{"the state file's instances are under the break rule when the source failed first", "a b", `
			0 break    -> a b
			5 list a   -> a b?
			95 time    -> a`},
		{"what the state file had as unconfirmed is held on", "a b?", `
			0 break  -> a b?
			5 list a -> a b?
			95 time  -> a`},
	} {
		t.Run(c.name, func(t *testing.T) {
			begin := time.Now()
			k := keeper{hold: hold, listed: listings(c.initial)}
			for line := range strings.Lines(strings.TrimSpace(c.story)) {
				event, want, _ := strings.Cut(strings.TrimSpace(line), "->")
				second, event, _ := strings.Cut(event, " ")
				passed, err := time.ParseDuration(second + "s")
				if err != nil {
					t.Fatal(err)
				}
				now := begin.Add(passed)
				switch what, list, _ := strings.Cut(event, " "); what {
				case "break":
					k.fail()
				case "list":
					k.list(listings(list), now)
				case "time":
					before, due := short(k.instances()), k.deadline()
					k.expire(now)
					changes := short(k.instances()) != before
					if isDue := !due.IsZero() && !due.After(now); isDue != changes {
						t.Errorf("%s: changes %v, due %v", strings.TrimSpace(line), changes, isDue)
					}
				default:
					t.Fatalf("unknown event %q", event)
				}
				if got := short(k.instances()); got != strings.TrimSpace(want) {
					t.Fatalf("%s\n got: %s", strings.TrimSpace(line), got)
				}
				if d := k.deadline(); !d.IsZero() && !d.After(now) {
					t.Fatalf("%s: the deadline is not in the future", line)
				}
			}
		})
	}
}

func TestHoldOfNothingHoldsNothing(t *testing.T) {
	now := time.Now()
	k := keeper{}
	k.list(listings("a b"), now)
	k.fail()
	k.list(listings("a-"), now)
	if got := short(k.instances()); got != "a-" {
		t.Errorf("got %q", got)
	}
}

func TestHeldInstancesKeepWhatWasKnown(t *testing.T) {
	now := time.Now()
	k := keeper{hold: hold}
	before := listings("a")
	before[0].Weight, before[0].Tags = 7, []string{"blue"}
	k.list(before, now)
	k.fail()
	after := listings("a-")
	after[0].Alive = false // a check starts critical
	k.list(after, now)
	got := k.instances()[0]
	if got.Weight != 7 || len(got.Tags) != 1 || !got.Alive || got.Ready || !got.Unconfirmed {
		t.Errorf("got %+v", got)
	}
}

package fleet

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"formation/consul/discovery"
)

type fakePool struct{ closes atomic.Int64 }

func (p *fakePool) CloseIdle() { p.closes.Add(1) }

func newFleet() *Fleet[*fakePool] {
	return New(func(discovery.Instance) *fakePool { return new(fakePool) })
}

// ready lists instances named a, b, … with the given weights.
func ready(weights ...int) []discovery.Instance {
	list := make([]discovery.Instance, len(weights))
	for n, w := range weights {
		id := string(rune('a' + n))
		list[n] = discovery.Instance{ID: id, Addr: fmt.Sprintf("10.0.0.%d:80", n+1), Weight: w, Ready: true, Alive: true}
	}
	return list
}

// take claims n times and releases each claim at once.
func take(t *testing.T, f *Fleet[*fakePool], n int) string {
	t.Helper()
	var ids strings.Builder
	for range n {
		i, ok := f.Claim()
		if !ok {
			t.Fatal("no instance to claim")
		}
		ids.WriteString(i.ID)
		i.Release()
	}
	return ids.String()
}

func TestOneRequestAtATimeFollowsTheRotation(t *testing.T) {
	cases := []struct {
		name    string
		weights []int
		want    string
	}{
		{"two equal instances alternate strictly", []int{1, 1}, "abababab"},
		{"equal weights alternate whatever they are", []int{10, 10}, "abababab"},
		{"three take turns", []int{1, 1, 1}, "abcabcabc"},
		{"a weight of three takes three turns of four, spread out", []int{3, 1}, "aabaaaba"},
		{"one instance takes all", []int{7}, "aaaa"},
		{"a weight of zero counts as one", []int{0, 1}, "abab"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet()
			f.Update(ready(c.weights...))
			if got := take(t, f, len(c.want)); got != c.want {
				t.Errorf("took %s, want %s", got, c.want)
			}
		})
	}
}

func TestAnIdleFleetKeepsTheProportionsOfItsWeights(t *testing.T) {
	weights := []int{65535, 30000, 2, 1000}
	f := newFleet()
	f.Update(ready(weights...))
	cycle := len(f.rotation.Load().turns)
	if cycle > maxTurns+len(weights) {
		t.Fatalf("rotation has %d turns, bound is %d", cycle, maxTurns+len(weights))
	}
	taken := take(t, f, cycle)
	sum := 65535 + 30000 + 2 + 1000
	for n, w := range weights {
		got := strings.Count(taken, string(rune('a'+n)))
		want := max(w*maxTurns/sum, 1)
		if got != want {
			t.Errorf("weight %d of %d took %d of %d turns, want %d", w, sum, got, cycle, want)
		}
	}
}

func TestABusyInstanceIsPassedOver(t *testing.T) {
	f := newFleet()
	f.Update(ready(1, 1))
	held, _ := f.Claim() // a
	if got := take(t, f, 4); got != "bbbb" {
		t.Errorf("with a claim on %s took %s, want bbbb", held.ID, got)
	}
	held.Release()
	if got := take(t, f, 4); got != "baba" && got != "abab" {
		t.Errorf("after the release took %s, want them to alternate", got)
	}
}

func TestClaimsCountForTheirWeight(t *testing.T) {
	f := newFleet()
	f.Update(ready(3, 1))
	count := map[string]int{}
	for range 400 { // never released
		i, _ := f.Claim()
		count[i.ID]++
	}
	if a, b := count["a"], count["b"]; a < 295 || a > 305 || a+b != 400 {
		t.Errorf("of 400 claims held, a has %d and b %d, want about 300 and 100", a, b)
	}
}

func TestTriedInstancesAreNotChosenAgain(t *testing.T) {
	f := newFleet()
	f.Update(ready(5, 1, 1))
	var tried []*Instance[*fakePool]
	for range 3 {
		i, ok := f.Claim(tried...)
		if !ok || slices.Contains(tried, i) {
			t.Fatalf("after %d tries got %v, %v", len(tried), i, ok)
		}
		tried = append(tried, i)
	}
	if i, ok := f.Claim(tried...); ok {
		t.Errorf("all were tried, yet %s was chosen", i.ID)
	}
}

func TestWhoTakesClaims(t *testing.T) {
	cases := []struct {
		name     string
		instance discovery.Instance
		want     State
	}{
		{"a ready one does", discovery.Instance{Ready: true, Alive: true}, Ready},
		{"an unconfirmed one does", discovery.Instance{Unconfirmed: true}, Unconfirmed},
		{"one that is alive but not ready does not", discovery.Instance{Alive: true}, NotReady},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			f := newFleet()
			c.instance.ID, c.instance.Addr, c.instance.Weight = "a", "10.0.0.1:80", 1
			f.Update([]discovery.Instance{c.instance})
			if got := f.View()[0].State; got != c.want {
				t.Errorf("state is %q, want %q", got, c.want)
			}
			_, ok := f.Claim()
			if want := c.want != NotReady; ok != want || f.Ready() != want {
				t.Errorf("claim: %v, ready: %v, want %v", ok, f.Ready(), want)
			}
		})
	}
}

func TestADrainingInstanceKeepsItsClaimsAndTakesNoMore(t *testing.T) {
	steps := map[string]func() []discovery.Instance{
		"gone":      func() []discovery.Instance { return ready(1, 1)[1:] },
		"not ready": func() []discovery.Instance { l := ready(1, 1); l[0].Ready = false; return l },
		"moved":     func() []discovery.Instance { l := ready(1, 1); l[0].Addr = "10.0.0.9:80"; l[0].Ready = false; return l },
	}
	for name, list := range steps {
		t.Run(name, func(t *testing.T) {
			f := newFleet()
			f.Update(ready(1, 1))
			a, _ := f.Claim()
			f.Update(list())
			if got := take(t, f, 4); got != "bbbb" {
				t.Errorf("took %s, want bbbb", got)
			}
			if a.Pool.closes.Load() == 0 {
				t.Error("its idle connections were not closed")
			}
			if !slices.ContainsFunc(f.View(), func(s Status) bool { return s.ID == "a" && s.State == Draining && s.Claims == 1 }) {
				t.Errorf("the view does not show it draining: %+v", f.View())
			}
			a.Release()
			f.Update(list())
			if slices.ContainsFunc(f.View(), func(s Status) bool { return s.State == Draining }) {
				t.Errorf("the view still shows it draining: %+v", f.View())
			}
		})
	}
}

func TestAnInstanceThatComesBackKeepsItsPoolAndClaims(t *testing.T) {
	f := newFleet()
	f.Update(ready(1))
	held, _ := f.Claim()
	away := ready(1)
	away[0].Ready = false
	f.Update(away)
	f.Update(ready(1))
	again, ok := f.Claim()
	if !ok || again != held || again.Claims() != 2 {
		t.Errorf("got %v with %d claims, want the same instance with 2", again, again.Claims())
	}
}

func TestAnUnconfirmedInstanceThatRefusesIsDroppedUntilItIsConfirmed(t *testing.T) {
	f := newFleet()
	list := ready(1, 1)
	list[0].Ready, list[0].Unconfirmed = false, true
	f.Update(list)
	a, _ := f.Claim()
	a.Release()
	f.ConnectFailed(a)
	if got := take(t, f, 3); got != "bbb" {
		t.Errorf("took %s, want bbb", got)
	}
	f.Update(list)
	if got := take(t, f, 3); got != "bbb" {
		t.Errorf("an update that still does not confirm it brought it back: %s", got)
	}
	f.Update(ready(1, 1))
	if got := take(t, f, 4); !strings.Contains(got, "a") {
		t.Errorf("confirmed again, but took %s", got)
	}
	f.ConnectFailed(a)
	if got := take(t, f, 4); !strings.Contains(got, "a") {
		t.Errorf("a confirmed instance was dropped: took %s", got)
	}
}

// The moment between choosing an instance from an old snapshot and claiming it,
// held still: the instance has closed, the snapshot still shows it.
func TestNoClaimSlipsInBehindADrain(t *testing.T) {
	f := newFleet()
	f.Update(ready(1, 1))
	a := f.listed[0]
	a.close()
	if got := take(t, f, 4); got != "bbbb" {
		t.Errorf("took %s, want bbbb", got)
	}
	if a.Claims() != 0 {
		t.Errorf("a has %d claims, want 0", a.Claims())
	}
}

func TestClaimsAndUpdatesAtTheSameTime(t *testing.T) {
	f := newFleet()
	f.Update(ready(1, 1, 1, 1))
	stop := make(chan struct{})
	var clients sync.WaitGroup
	for range 4 {
		clients.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				if i, ok := f.Claim(); ok {
					i.Release()
				}
			}
		})
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for range 3000 {
		list := ready(1, 1, 1, 1)
		for n := range list {
			list[n].Ready = rnd.IntN(2) == 0
		}
		f.Update(list)
	}
	f.Update(ready(1, 1, 1, 1))
	close(stop)
	clients.Wait()
	for _, i := range f.listed {
		if n := i.claims.Load(); n != 0 {
			t.Errorf("%s ends with %d claims, want 0", i.ID, n)
		}
	}
}

func BenchmarkClaim(b *testing.B) {
	for _, n := range []int{4, 1000} {
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			list := make([]discovery.Instance, n)
			for k := range list {
				list[k] = discovery.Instance{ID: fmt.Sprint(k), Addr: fmt.Sprintf("10.0.0.1:%d", k+1), Weight: 1 + k%3, Ready: true}
			}
			f := newFleet()
			f.Update(list)
			b.ReportAllocs()
			for b.Loop() {
				i, _ := f.Claim()
				i.Release()
			}
		})
	}
}

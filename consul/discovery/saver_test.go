package discovery

import (
	"context"
	"errors"
	"path/filepath"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// disk is a state file's place in memory.
type disk struct {
	mu    sync.Mutex
	saved []string
	times []time.Time
	fails bool
	slow  time.Duration
}

func (d *disk) save(_, _ string, instances []Instance) error {
	time.Sleep(d.slow)
	d.mu.Lock()
	defer d.mu.Unlock()
	d.times = append(d.times, time.Now())
	if d.fails {
		return errors.New("disk full")
	}
	d.saved = append(d.saved, short(instances))
	return nil
}

// saving runs a saver; end ends it and waits.
func saving(t *testing.T, s *Saver) (end func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	return func() {
		cancel()
		if err := <-done; err != nil {
			t.Errorf("Run: %v", err)
		}
	}
}

func wantSaved(t *testing.T, d *disk, want ...string) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	if len(d.saved) != len(want) {
		t.Fatalf("saved %q, want %q", d.saved, want)
	}
	for i := range want {
		if d.saved[i] != want[i] {
			t.Fatalf("saved %q, want %q", d.saved, want)
		}
	}
}

func TestSaverWritesGoodSetsOnly(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := &disk{}, NewSaver("", "apps", nil)
		s.save = d.save
		end := saving(t, s)
		for _, set := range []Set{
			{Instances: instances("a b-")},
			{Instances: instances("a b"), Err: errRefused},
			{Instances: instances("a- b-")},
			{},
			{Instances: instances("a- b?")},
		} {
			s.Put(set)
			synctest.Wait()
		}
		end()
		wantSaved(t, d, "a b-", "a- b?")
	})
}

func TestSaverWritesTheNewestSetAndNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		d, s := &disk{slow: time.Minute}, NewSaver("", "apps", nil)
		s.save = d.save
		end := saving(t, s)
		begin := time.Now()
		for _, text := range []string{"a", "b", "c", "d"} {
			s.Put(Set{Instances: instances(text)})
			if text == "a" {
				synctest.Wait() // it is being written
			}
		}
		if passed := time.Since(begin); passed != 0 {
			t.Errorf("Put waited %v", passed)
		}
		time.Sleep(time.Hour)
		end()
		wantSaved(t, d, "a", "d")
	})
}

func TestSaverWritesTheLastSetBeforeItEnds(t *testing.T) {
	t.Run("when it had no time to begin", func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		d, s := &disk{}, NewSaver("", "apps", nil)
		s.save = d.save
		s.Put(Set{Instances: instances("a")})
		if err := s.Run(ctx); err != nil {
			t.Fatal(err)
		}
		wantSaved(t, d, "a")
	})
	inBubble(t, "when it is writing an older one", func(t *testing.T) {
		d, s := &disk{slow: time.Minute}, NewSaver("", "apps", nil)
		s.save = d.save
		end := saving(t, s)
		s.Put(Set{Instances: instances("a")})
		synctest.Wait()
		s.Put(Set{Instances: instances("b")})
		end()
		wantSaved(t, d, "a", "b")
	})
}

func TestSaverTriesAgainAndSaysSoOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		log := &lines{}
		d, s := &disk{fails: true}, NewSaver("", "apps", log.logger())
		s.save = d.save
		end := saving(t, s)
		s.Put(Set{Instances: instances("a")})
		time.Sleep(time.Hour)
		d.mu.Lock()
		if n := len(d.times); n < 60 || n > 400 {
			t.Errorf("%d attempts in an hour", n)
		}
		d.fails = false
		d.mu.Unlock()
		time.Sleep(mostSaveRetry)
		s.Put(Set{Instances: instances("b")})
		synctest.Wait()
		end()
		wantSaved(t, d, "a", "b")
		if len(log.with("not written", "disk full", "service=apps")) != 1 || len(log.with("written again")) != 1 {
			t.Errorf("logged %q", log.with())
		}
	})
}

func TestSaverWritesAFileThatLoadReads(t *testing.T) {
	path := filepath.Join(t.TempDir(), "state")
	s := NewSaver(path, "apps", nil)
	end := saving(t, s)
	s.Put(Set{Instances: instances("a b?")})
	end()
	if got, err := Load(path, "apps"); err != nil || short(got) != "a b?" {
		t.Errorf("got %q, %v", short(got), err)
	}
}

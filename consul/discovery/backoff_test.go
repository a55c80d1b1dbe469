package discovery

import (
	"context"
	"math/rand/v2"
	"slices"
	"testing"
	"testing/synctest"
	"time"
)

func TestBackoffDoublesUpToItsLimitAndStartsAnewAfterASuccess(t *testing.T) {
	b := backoff{first: 50 * time.Millisecond, most: 300 * time.Millisecond, random: func() float64 { return 1 }}
	var got []time.Duration
	for range 5 {
		got = append(got, b.next())
	}
	b.reset()
	got = append(got, b.next())
	var want []time.Duration
	for _, ms := range []int{50, 100, 200, 300, 300, 50} {
		want = append(want, time.Duration(ms)*time.Millisecond)
	}
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestBackoffIsSpreadOverTheWholeWait(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	low, high := 0, 0
	for range 100 {
		b := backoff{first: time.Second, most: time.Second, random: random.Float64}
		switch wait := b.next(); {
		case wait < 0 || wait >= time.Second:
			t.Fatalf("a wait of %v", wait)
		case wait < 500*time.Millisecond:
			low++
		default:
			high++
		}
	}
	if low < 30 || high < 30 {
		t.Errorf("%d waits below the middle, %d above", low, high)
	}
}

func TestSleepEndsWithItsContext(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		begin := time.Now()
		if sleep(ctx, time.Hour) || time.Since(begin) != time.Second {
			t.Errorf("slept for %v", time.Since(begin))
		}
		if begin = time.Now(); !sleep(t.Context(), time.Hour) || time.Since(begin) != time.Hour {
			t.Errorf("slept for %v", time.Since(begin))
		}
	})
}

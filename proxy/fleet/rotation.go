package fleet

import (
	"cmp"
	"slices"
)

// maxTurns bounds a rotation's length. Weights whose sum is above it are scaled
// down to it, each keeping one turn at least; the length is thus at most maxTurns
// plus the number of instances.
const maxTurns = 4096

// rotation is an immutable snapshot of the claimable instances and of their turns.
type rotation[P Pool] struct {
	members []member[P]
	turns   []int32 // indices into members
}

type member[P Pool] struct {
	*Instance[P]
	weight int64
}

func newRotation[P Pool](instances []*Instance[P]) *rotation[P] {
	r := &rotation[P]{members: make([]member[P], len(instances))}
	weights := make([]int64, len(instances))
	for n, i := range instances {
		weights[n] = max(int64(i.listed.Weight), 1)
		r.members[n] = member[P]{i, weights[n]}
	}
	r.turns = spread(weights)
	return r
}

// choose looks at two candidates, the one whose turn it is and another, and takes
// the one with fewer claims for its weight, the first on a tie. It never takes one
// of tried, and returns nil when there is none left.
func (r *rotation[P]) choose(turn uint64, tried []*Instance[P]) *Instance[P] {
	if len(r.turns) == 0 {
		return nil
	}
	if len(tried) > 0 {
		return r.untried(turn, tried)
	}
	n := uint64(len(r.members))
	first := r.turns[turn%uint64(len(r.turns))]
	if n == 1 {
		return r.members[first].Instance
	}
	// The other candidate is spread by a hash of the turn, so that no two
	// instances are paired for good.
	other := (uint64(first) + 1 + mix(turn)%(n-1)) % n
	a, b := &r.members[first], &r.members[other]
	if b.Claims()*a.weight < a.Claims()*b.weight {
		return b.Instance
	}
	return a.Instance
}

// untried takes the next in rotation that is not among tried.
func (r *rotation[P]) untried(turn uint64, tried []*Instance[P]) *Instance[P] {
	length := uint64(len(r.turns))
	for k := range length {
		i := r.members[r.turns[(turn+k)%length]].Instance
		if !slices.Contains(tried, i) {
			return i
		}
	}
	return nil
}

// spread lays out one cycle of turns: a weight of w gets w of them, turn k of them
// at (2k+1)/2w of the cycle, so that each instance's turns lie evenly apart and
// equal weights simply alternate.
func spread(weights []int64) []int32 {
	weights = reduce(weights)
	type turn struct {
		of       int32
		num, of2 int64 // its place in the cycle: num/of2
	}
	var turns []turn
	for n, w := range weights {
		for k := range w {
			turns = append(turns, turn{int32(n), 2*k + 1, 2 * w})
		}
	}
	slices.SortStableFunc(turns, func(a, b turn) int {
		return cmp.Compare(a.num*b.of2, b.num*a.of2)
	})
	order := make([]int32, len(turns))
	for n, t := range turns {
		order[n] = t.of
	}
	return order
}

// reduce divides weights by their greatest common divisor and, where their sum is
// still above maxTurns, scales them down to it.
func reduce(weights []int64) []int64 {
	var divisor, sum int64
	for _, w := range weights {
		divisor = gcd(w, divisor)
	}
	reduced := make([]int64, len(weights))
	for n, w := range weights {
		reduced[n] = w / divisor
		sum += reduced[n]
	}
	if sum > maxTurns {
		for n, w := range reduced {
			reduced[n] = max(w*maxTurns/sum, 1)
		}
	}
	return reduced
}

func gcd(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// mix is the finalizer of SplitMix64: a cheap, well-spread hash of the turn.
func mix(x uint64) uint64 {
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

package aggregate

import "formation/worker/mapreduce/line"

// needs says what has to be kept of a group for what is to be computed of it.
type needs struct {
	numbers                            bool // any of the next four
	sum, min, max, quantiles, distinct bool
}

func needsOf(funcs []Func) (n needs) {
	for _, f := range funcs {
		n.numbers = n.numbers || f.numeric()
		switch f {
		case Sum, Mean:
			n.sum = true
		case Min:
			n.min = true
		case Max:
			n.max = true
		case P50, P90, P99:
			n.quantiles = true
		case Distinct:
			n.distinct = true
		}
	}
	return n
}

// group is what is kept of the lines of one key. What is nil is not needed, or there was
// nothing yet.
type group struct {
	lines, numbers int64
	sum, min, max  *decimal
	quantiles      *quantiles
	distinct       *distinct
	size           int // bytes of memory, about, as the table has counted them
}

const (
	groupBytes   = 64 + 64 // with its entry in a map, without its key
	decimalBytes = 24
)

// add adds the value of one line.
func (g *group) add(need *needs, v line.Value) {
	if need.numbers {
		if d, ok := number(v); ok {
			g.numbers++
			g.addDecimals(need, d, d, d)
			if need.quantiles {
				g.needQuantiles().add(d.float())
			}
		}
	}
	if need.distinct && v.Kind != line.Missing {
		if g.distinct == nil {
			g.distinct = newDistinct()
		}
		g.distinct.add(v)
	}
}

// addDecimals adds the sum, the least and the greatest of some numbers.
func (g *group) addDecimals(need *needs, sum, least, most decimal) {
	if need.sum {
		if g.sum == nil {
			g.sum = new(decimal)
		}
		g.sum.add(sum)
	}
	if need.min && (g.min == nil || least.compare(*g.min) < 0) {
		g.min = replace(g.min, least)
	}
	if need.max && (g.max == nil || most.compare(*g.max) > 0) {
		g.max = replace(g.max, most)
	}
}

func replace(old *decimal, by decimal) *decimal {
	if old == nil {
		old = new(decimal)
	}
	*old = by
	return old
}

func (g *group) needQuantiles() *quantiles {
	if g.quantiles == nil {
		g.quantiles = newQuantiles()
	}
	return g.quantiles
}

// bytes is how much memory g takes beside its key, about.
func (g *group) bytes() int {
	n := groupBytes
	for _, d := range [...]*decimal{g.sum, g.min, g.max} {
		if d != nil {
			n += decimalBytes + d.bytes()
		}
	}
	if g.quantiles != nil {
		n += g.quantiles.size
	}
	if g.distinct != nil {
		n += g.distinct.size
	}
	return n
}

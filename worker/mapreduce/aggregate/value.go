package aggregate

import (
	"encoding/json"
	"strconv"

	"formation/worker/mapreduce/line"
)

// null is what is computed of no numbers.
const null = "null"

// value computes f.
func (g *group) value(f Func) line.Value {
	var text []byte
	switch {
	case f == Count:
		text = strconv.AppendInt(nil, g.lines, 10)
	case f == Distinct:
		text = strconv.AppendUint(nil, g.distinct.estimate(), 10)
	case g.numbers == 0:
		return line.Value{Kind: line.Other, Text: []byte(null)}
	case f == Sum:
		text = g.sum.append(nil)
	case f == Min:
		text = g.min.append(nil)
	case f == Max:
		text = g.max.append(nil)
	case f == Mean:
		return float(g.sum.over(g.numbers))
	case f == P50:
		return float(g.quantiles.at(50))
	case f == P90:
		return float(g.quantiles.at(90))
	case f == P99:
		return float(g.quantiles.at(99))
	}
	return line.Value{Kind: line.Number, Text: text}
}

// float writes a number as JSON does: in the fewest digits that tell it from the next,
// with an exponent if it is very small or very large. Null is what is infinite, which no
// mean is but that of a sum that somebody made up.
func float(v float64) line.Value {
	text, err := json.Marshal(v)
	if err != nil {
		return line.Value{Kind: line.Other, Text: []byte(null)}
	}
	return line.Value{Kind: line.Number, Text: text}
}

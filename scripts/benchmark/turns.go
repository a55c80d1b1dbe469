package main

import "fmt"

// turns has measure called for each of all in each round, in each round for another
// first, and said after each round.
func turns[C interface{ label() string }](rounds int, all []C, measure func(C) error, said func(round int)) error {
	for round := range rounds {
		for i := range all {
			c := all[(round+i)%len(all)]
			if err := measure(c); err != nil {
				return fmt.Errorf("round %d, %s: %w", round+1, c.label(), err)
			}
		}
		said(round)
	}
	return nil
}

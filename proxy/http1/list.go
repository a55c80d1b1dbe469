package http1

// element returns the element of a list at i (RFC 9110, 5.6.1) without the whitespace
// around it, and where the next begins. It may be empty. Quoted strings are not known:
// no list that is read here has any.
func element(list []byte, i int) ([]byte, int) {
	start := i
	for i < len(list) && list[i] != ',' {
		i++
	}
	first, end := trim(list, start, i)
	return list[first:end], i + 1
}

// isTokenList says whether list is one or more tokens with commas between them.
func isTokenList(list []byte) bool {
	for at := 0; at <= len(list); {
		var e []byte
		e, at = element(list, at)
		if len(e) == 0 || skipToken(e, 0) != len(e) {
			return false
		}
	}
	return true
}

// namesH2C says whether "h2c" is anywhere in value, in any letter case. That is more
// than the protocol of this name (RFC 7540, 3.1), to be on the safe side of those who
// read lists with less care.
func namesH2C(value []byte) bool {
	for i := 0; i+3 <= len(value); i++ {
		if value[i]|0x20 == 'h' && value[i+1] == '2' && value[i+2]|0x20 == 'c' {
			return true
		}
	}
	return false
}

package http1

// parseForm reads the beginning of the target, up to where its form shows (RFC 9112,
// 3.2): "/", "*", "http://" or "https://". Any other is refused. It is done when it has
// set the next stage.
func (r *Request) parseForm(b []byte) (done bool, _ fault) {
	h := &r.head
	t := b[h.at:]
	if len(t) == 0 {
		return false, noFault
	}
	switch t[0] {
	case '/':
		r.Path.Start = uint32(h.at)
		h.read = h.at + 1
		h.stage = inTarget
		return true, noFault
	case '*':
		if !r.options {
			return false, asteriskTarget
		}
		if len(t) == 1 {
			return false, noFault
		}
		if t[1] != ' ' {
			return false, asteriskTarget
		}
		r.Path.Start = uint32(h.at)
		h.read = h.at + 1
		h.stage = inTarget
		return true, noFault
	case ' ':
		return false, emptyTarget
	case 'h', 'H':
		n, fault := scheme(t)
		if n == 0 {
			return false, fault
		}
		r.absolute = true
		r.Authority.Start = uint32(h.at + n)
		h.read = h.at + n
		h.stage = inAuthority
		return true, noFault
	}
	if !is(targetByte, t[0]) {
		return false, targetFault(t[0])
	}
	return false, badTarget
}

// scheme returns the length of "http://" or "https://", in any letter case (RFC 3986,
// 3.1), at the start of t; 0 with a fault, or while t is too short to tell.
func scheme(t []byte) (int, fault) {
	want := "http://"
	for i := 0; i < len(want); i++ {
		if i == len(t) {
			return 0, noFault
		}
		c := lower(t[i])
		if i == len("http") && c == 's' {
			want = "https://"
		}
		if c != want[i] {
			if !is(targetByte, c) {
				return 0, targetFault(c)
			}
			return 0, badTarget
		}
	}
	return len(want), noFault
}

// targetFault says what is wrong with c, which is no byte of a target.
func targetFault(c byte) fault {
	switch c {
	case '#':
		return fragmentInTarget
	case '\n':
		return bareLF
	}
	return badTargetByte
}

// AppendTarget appends the request target to forward to dst: Path, with what it lacks
// if the target was in absolute-form with an empty path. That is "/", or "*" for
// OPTIONS without a query (RFC 9112, 3.2.1 and 3.2.4).
func (r *Request) AppendTarget(dst, b []byte) []byte {
	path := r.Path.Of(b)
	switch {
	case len(path) == 0 && r.options:
		return append(dst, '*')
	case len(path) == 0 || path[0] == '?':
		dst = append(dst, '/')
	}
	return append(dst, path...)
}

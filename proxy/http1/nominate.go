package http1

// mayNominate are the kinds that Connection may take from a message. Not those that
// say where a message goes, where it ends and how it is exchanged: RFC 9110, 7.6.1,
// forbids to name a field that is for all recipients, and a sender that does anyway
// means to change how the next one reads the message. Other such fields are the
// sender's own loss, and a proxy sets its own after this.
func mayNominate(k Kind) bool {
	return k != Host && k != ContentLength && k != TransferEncoding && k != Expect
}

// nominate sets Hop for the fields that a Connection field names.
func nominate(b []byte, fields []Field) {
	for i := range fields {
		if fields[i].Kind != Connection {
			continue
		}
		value := fields[i].Value.Of(b)
		for at := 0; at < len(value); {
			var option []byte
			option, at = element(value, at)
			if len(option) > 0 && !hopByHop[kindOf(option)] {
				markHop(b, fields, option)
			}
		}
	}
}

func markHop(b []byte, fields []Field, name []byte) {
	for i := range fields {
		f := &fields[i]
		if f.Name.Len() == len(name) && mayNominate(f.Kind) && equalFold(f.Name.Of(b), name) {
			f.Hop = true
		}
	}
}

// equalFold says whether two tokens of one length are the same but for letter case.
func equalFold(a, b []byte) bool {
	for i := range a {
		if lower(a[i]) != lower(b[i]) {
			return false
		}
	}
	return true
}

func lower(c byte) byte {
	if 'A' <= c && c <= 'Z' {
		c |= 0x20
	}
	return c
}

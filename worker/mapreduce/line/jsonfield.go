package line

// learn reads what comes at i, behind the value of the field before. It returns the field
// that comes there, which from now on is known to, and where its value begins; or nil at the
// line's end.
func (o *object) learn(b []byte, i int, before *field) (*field, int, error) {
	name, err := o.toName(b, i, before)
	if err != nil || name == 0 {
		return nil, i, err
	}
	end, value, err := skipName(b, name)
	if err != nil {
		return nil, i, err
	}
	quoted := at(b, value) == '"'
	if quoted {
		value++
	}
	text := b[i:value]
	f := o.known[string(text)]
	if f == nil {
		places := o.places[string(o.text(b[name+1:end-1]))]
		if o.room == 0 || len(text) > maxKnownText {
			o.other.quoted, o.other.places = quoted, places
			return &o.other, value, nil
		}
		f = &field{text: string(text), head: prefixOf(text), quoted: quoted, places: places}
		o.known[f.text] = f
		o.room--
	}
	if before != &o.other { // which is now a string and now something else
		before.next = f
	}
	return f, value, nil
}

// toName returns where the name of the next field begins, behind the value of the one
// before; 0: the object, and with it the line, ends.
func (o *object) toName(b []byte, i int, before *field) (int, error) {
	if before == &o.start {
		i = skipSpace(b, i)
		switch {
		case i == len(b):
			return 0, errEmpty
		case b[i] != '{':
			return 0, errObject
		}
		i = skipSpace(b, i+1)
		if at(b, i) == '}' {
			return 0, nothing(b, i+1)
		}
		return i, nil
	}
	if before.quoted {
		i++
	}
	i = skipSpace(b, i)
	switch at(b, i) {
	case ',':
		return skipSpace(b, i+1), nil
	case '}':
		return 0, nothing(b, i+1)
	default:
		return 0, wrong(b, i, errComma)
	}
}

// nothing checks that there is only space from i on.
func nothing(b []byte, i int) error {
	if skipSpace(b, i) < len(b) {
		return errMore
	}
	return nil
}

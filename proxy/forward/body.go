package forward

import (
	"errors"
	"io"
	"sync"
)

// maxHeld is how much of a request's body is kept so that it can be sent again, in
// bytes. A longer body streams through and cannot.
const maxHeld = 64 << 10

// errSuperseded is what a try's reader returns once a later try has begun.
var errSuperseded = errors.New("another try reads the body now")

// heldBody lets several tries, one after the other, read a request's body from its
// first byte, as long as not more than maxHeld bytes of it have been read.
type heldBody struct {
	src io.Reader

	mu      sync.Mutex
	held    []byte // all that was read, while lost is false
	lost    bool   // more than maxHeld was read: held is gone
	err     error  // how src ended: io.EOF, or the client's fault
	current *bodyReader
}

// bodyReader is one try's view of a heldBody.
type bodyReader struct {
	body *heldBody
	next int // of held
}

// begin returns a reader that starts at the first byte; readers made before end.
// It waits for a read from the client that is under way.
func (b *heldBody) begin() io.ReadCloser {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.current = &bodyReader{body: b}
	return b.current
}

// replayable reports whether begin can still start at the first byte. It waits for
// a read from the client that is under way.
func (b *heldBody) replayable() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return !b.lost && (b.err == nil || b.err == io.EOF)
}

// fault is the error that reading from the client has ended with, if it has. It
// does not wait.
func (b *heldBody) fault() error {
	if !b.mu.TryLock() {
		return nil
	}
	defer b.mu.Unlock()
	if b.err == io.EOF {
		return nil
	}
	return b.err
}

// Read is io.Reader's.
func (r *bodyReader) Read(p []byte) (int, error) {
	b := r.body
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.current != r:
		return 0, errSuperseded
	case r.next < len(b.held):
		n := copy(p, b.held[r.next:])
		r.next += n
		return n, nil
	case b.err != nil:
		return 0, b.err
	}
	n, err := b.src.Read(p)
	b.err = err
	switch {
	case b.lost:
	case len(b.held)+n > maxHeld:
		b.lost, b.held = true, nil
		r.next = 0
	default:
		b.held = append(b.held, p[:n]...)
		r.next += n
	}
	return n, err
}

// Close is io.Closer's. The client's body is not the try's to close.
func (r *bodyReader) Close() error { return nil }

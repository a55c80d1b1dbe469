package queue

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// Delivery is a job that a consumer has claimed and whose end it owes: one of
// Acknowledge, Complete, Retry, Fail and HandBack.
type Delivery struct {
	ID      string
	Handler string
	Payload string
	Key     string        // of idempotency; empty: it has none
	Timeout time.Duration // of this attempt; 0: nothing bounds it
	// Deadline is when it is too late. Zero: never.
	Deadline time.Time
	Attempt  int // this one, from 1
	Attempts int // how many it has
	Crashes  int // how many workers have ended with it, or lost their lease
	// Enqueued is when it was.
	Enqueued time.Time
	// Fault is why this is no job that can be run: it was written by hand, and wrongly.
	Fault error

	lane    int
	entry   string
	options options
}

// Place tells deliveries of one queue apart that are not the same entry.
type Place struct {
	lane  int
	entry string
}

// Place returns the delivery's.
func (d *Delivery) Place() Place { return Place{d.lane, d.entry} }

// Priority is the job's.
func (d *Delivery) Priority() Priority { return order[d.lane-1] }

// maxPlain is how large the payload of a job may be, in bytes, that stays in its lane for a
// while after it was acknowledged.
const maxPlain = 1 << 10

// Plain reports whether the job leaves nothing behind when it is done, so that it can be
// acknowledged together with others.
func (d *Delivery) Plain() bool {
	o := &d.options
	return o.Key == "" && o.Keep == 0 && o.Then == "" && !o.Named && len(d.Payload) <= maxPlain
}

// delivery makes one of an entry's fields and values, as transitions/common.lua tells
// them. delivered is how often it was, this time included.
func delivery(lane int, entry string, fields []string, delivered int64) *Delivery {
	d := &Delivery{lane: lane, entry: entry}
	var id, given, first, crashes string
	for n := 0; n+1 < len(fields); n += 2 {
		switch value := fields[n+1]; fields[n] {
		case "job":
			var err error
			id, d.Handler, given, d.Payload, err = parseWire(value)
			d.fault(err)
		case "id":
			id = value
		case "handler":
			d.Handler = value
		case "payload":
			d.Payload = value
		case "options":
			given = value
		case "entry":
			first = value
		case "crashes":
			crashes = value
		default:
			d.fault(fmt.Errorf("it has a field %.40q; jobs have handler, payload, id and options", fields[n]))
		}
	}
	first = cmp.Or(first, entry)
	d.ID = cmp.Or(id, first)
	o, err := parseOptions(given)
	d.fault(err)
	d.options = o
	d.Key, d.Timeout = o.Key, time.Duration(o.Timeout)*time.Millisecond
	d.Attempt, d.Attempts = o.Attempts+1, cmp.Or(o.MaxAttempts, DefaultAttempts)
	before, err := strconv.ParseInt(cmp.Or(crashes, "0"), 10, 32)
	if err != nil || before < 0 {
		d.fault(fmt.Errorf("crashes: %.40q is not a number within 0 and %d", crashes, math.MaxInt32))
	}
	d.Crashes = o.Crashes + max(0, int(before)) + int(delivered) - 1
	if o.Deadline > 0 {
		d.Deadline = time.UnixMilli(o.Deadline)
	}
	if d.Enqueued = entryTime(first); d.Enqueued.IsZero() {
		d.Enqueued = entryTime(entry)
	}
	if o.Enqueued > 0 {
		d.Enqueued = time.UnixMilli(o.Enqueued)
	}
	d.check()
	return d
}

// again are the job's options in an entry that follows this one, after that many attempts.
func (d *Delivery) again(attempts int) options {
	o := d.options
	o.Attempts, o.Crashes, o.Enqueued = min(attempts, MaxAttempts), min(d.Crashes, math.MaxInt32), max(0, d.Enqueued.UnixMilli())
	return o
}

// fault takes note of what is wrong, unless something else was before.
func (d *Delivery) fault(err error) {
	if d.Fault == nil {
		d.Fault = err
	}
}

// check holds an entry to the bounds of jobs, as anybody may have written it.
func (d *Delivery) check() {
	o := &d.options
	if d.Handler == "" {
		d.fault(errors.New("it has no handler"))
	}
	if len(d.Payload) > MaxPayload {
		d.fault(errPayload(len(d.Payload)))
	}
	j := New{ID: d.ID, Handler: d.Handler, Key: o.Key, Then: o.Then, ThenHandler: o.ThenHandler}
	d.fault(j.check())
	if checkText(d.ID) != nil { // so that it can be found and shown
		d.ID = d.entry
	}
}

// entryTime is when an entry was made, whose ID begins with that.
func entryTime(entry string) time.Time {
	before, _, _ := strings.Cut(entry, "-")
	n, err := strconv.ParseInt(before, 10, 64)
	if err != nil || n == 0 { // somebody has written it by hand
		return time.Time{}
	}
	return time.UnixMilli(n)
}

// text makes strings of a reply's.
func text(reply any) ([]string, error) {
	list, ok := reply.([]any)
	if !ok {
		return nil, errReply
	}
	all := make([]string, len(list))
	for n := range list {
		if all[n], ok = list[n].(string); !ok {
			return nil, errReply
		}
	}
	return all, nil
}

// streamed makes deliveries of what XREADGROUP returns of one lane.
func streamed(lane int, reply any) ([]*Delivery, error) {
	switch r := reply.(type) {
	case map[any]any: // RESP3: by stream
		reply = nil
		for _, entries := range r {
			reply = entries
		}
	case []any: // RESP2: pairs of stream and entries
		reply = nil
		if len(r) == 1 {
			if pair, ok := r[0].([]any); ok && len(pair) == 2 {
				reply = pair[1]
			}
		}
	}
	list, ok := reply.([]any)
	if !ok {
		return nil, errReply
	}
	all := make([]*Delivery, len(list))
	for n := range list {
		pair, ok := list[n].([]any)
		if !ok || len(pair) != 2 {
			return nil, errReply
		}
		entry, ok := pair[0].(string)
		fields, err := text(pair[1])
		if !ok || err != nil {
			return nil, errReply
		}
		all[n] = delivery(lane, entry, fields, 1)
	}
	return all, nil
}

// reclaimed makes deliveries of reclaim's reply: for each lane the entries, their bodies
// and how often each was delivered.
func reclaimed(reply any) ([]*Delivery, error) {
	lanes, ok := reply.([]any)
	if !ok || len(lanes) != priorities {
		return nil, errReply
	}
	var all []*Delivery
	for n := range lanes {
		list, ok := lanes[n].([]any)
		if !ok || len(list)%3 != 0 {
			return nil, errReply
		}
		for ; len(list) > 0; list = list[3:] {
			entry, ok := list[0].(string)
			delivered, ok2 := list[2].(int64)
			fields, err := text(list[1])
			if !ok || !ok2 || err != nil {
				return nil, errReply
			}
			all = append(all, delivery(n+1, entry, fields, delivered))
		}
	}
	return all, nil
}

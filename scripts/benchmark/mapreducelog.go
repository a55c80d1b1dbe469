package main

import (
	"bufio"
	"context"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"math"
	"math/rand/v2"
	"net/netip"
	"os"
	"strconv"
	"time"
)

// accessLog makes up the proxy's access log, always the same one: a service with some
// 300 paths, few of which have most requests, for 10,000 clients.
type accessLog struct {
	random    *rand.Rand
	popular   *rand.Zipf // paths, by number
	at        time.Time
	paths     []madePath
	clients   []string
	instances []string
}

// madePath is a path with how long its requests take: the logarithm of the median in
// microseconds.
type madePath struct {
	name string
	took float64
}

const (
	madePaths     = 300
	madeClients   = 10_000
	madeInstances = 8
)

func newAccessLog() *accessLog {
	random := rand.New(rand.NewPCG(5, 2026))
	l := &accessLog{random: random, popular: rand.NewZipf(random, 1.2, 3, madePaths-1), at: time.Date(2026, 11, 22, 7, 6, 20, 0, time.UTC)}
	for n := range madePaths {
		form := []string{"/users/%d", "/api/orders/%d", "/search?q=term%d&page=2", "/static/app.%d.js", "/products/%d/reviews", "/api/v2/carts/%d/items"}[n%6]
		took := math.Log(500) + random.Float64()*math.Log(100) // 0.5 ms to 50 ms
		l.paths = append(l.paths, madePath{fmt.Sprintf(form, 1000+7*n), took})
	}
	for n := range madeClients {
		l.clients = append(l.clients, netip.AddrFrom4([4]byte{10, 20, byte(n >> 8), byte(n)}).String())
	}
	for range madeInstances {
		id := l.hex(nil)
		l.instances = append(l.instances, fmt.Sprintf("vm/_nomad-task-%s-%s-%s-%s-%s-group-worker-apps-http", id[:8], id[8:12], id[12:16], id[16:20], id[20:]))
	}
	return l
}

// exchange is what of a line's is counted; path and client are numbers.
type exchange struct {
	status, path, client int
	took                 int64 // microseconds
}

// append appends a line, as the proxy has it (proxy/accesslog).
func (l *accessLog) append(b []byte) ([]byte, exchange) {
	r := l.random
	e := exchange{status: l.status(), path: int(l.popular.Uint64())}
	share := r.Float64()
	e.client = int(share * share * madeClients) // some come more often
	e.took = max(20, int64(math.Exp(l.paths[e.path].took+0.8*r.NormFloat64())))
	upstream, instance, tries := e.took*15/16, l.instances[r.IntN(madeInstances)], 1
	if e.status == 503 { // there was none that it could go to
		e.took, upstream, instance, tries = e.took/100+20, 0, "", 0
	}
	in, out := 300+r.Int64N(500), 185+int64(math.Exp(7+1.5*r.NormFloat64()))
	method := "GET"
	if r.IntN(8) == 0 {
		method, in = "POST", 4*in
	}
	l.at = l.at.Add(time.Duration(r.Int64N(20_000)) * time.Microsecond)

	b = l.at.AppendFormat(append(b, `{"time":"`...), "2006-01-02T15:04:05.000000Z")
	b = append(append(b, `","level":"INFO","msg":"exchange","client":"`...), l.clients[e.client]...)
	b = append(append(b, `","method":"`...), method...)
	b = append(append(b, `","path":"`...), l.paths[e.path].name...)
	b = strconv.AppendInt(append(b, `","status":`...), int64(e.status), 10)
	b = strconv.AppendInt(append(b, `,"bytes_in":`...), in, 10)
	b = strconv.AppendInt(append(b, `,"bytes_out":`...), out, 10)
	b = appendMilliseconds(append(b, `,"duration_ms":`...), e.took)
	b = appendMilliseconds(append(b, `,"upstream_ms":`...), upstream)
	b = append(append(b, `,"instance":"`...), instance...)
	b = strconv.AppendInt(append(b, `","tries":`...), int64(tries), 10)
	b = l.hex(append(b, `,"broken":false,"request_id":"`...))
	return append(b, "\"}\n"...), e
}

// status is 200 nine times of ten.
func (l *accessLog) status() int {
	switch n := l.random.IntN(1000); {
	case n < 900:
		return 200
	case n < 925:
		return 201
	case n < 945:
		return 304
	case n < 985:
		return 404
	case n < 995:
		return 500
	default:
		return 503
	}
}

// hex appends 32 random digits.
func (l *accessLog) hex(b []byte) []byte {
	var id [16]byte
	binary.BigEndian.PutUint64(id[:8], l.random.Uint64())
	binary.BigEndian.PutUint64(id[8:], l.random.Uint64())
	return hex.AppendEncode(b, id[:])
}

func appendMilliseconds(b []byte, microseconds int64) []byte {
	b = append(strconv.AppendInt(b, microseconds/1000, 10), '.')
	n := microseconds % 1000
	return append(b, '0'+byte(n/100), '0'+byte(n/10%10), '0'+byte(n%10))
}

// writeLog writes a log of about that size, to the disk so that nothing of it is written
// later, and returns what is true of it.
func writeLog(ctx context.Context, file string, size int64) (*tally, error) {
	f, err := os.Create(file)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	w := bufio.NewWriterSize(f, mib)
	log := newAccessLog()
	t := newTally(log)
	line := make([]byte, 0, kib)
	for t.bytes < size {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var e exchange
		line, e = log.append(line[:0])
		t.add(e, len(line))
		if _, err := w.Write(line); err != nil {
			return nil, err
		}
	}
	if err := w.Flush(); err != nil {
		return nil, err
	}
	return t, f.Sync()
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"
)

// What the issue and scripts/bench --help call a browser's head.
func TestBrowsersHead(t *testing.T) {
	head := browser.head()
	if len(head) != 700 || strings.Count(head, ": ") != 14 {
		t.Errorf("%d bytes, %d headers", len(head), strings.Count(head, ": "))
	}
	answer := string(answers["/browser"])
	if headers := strings.Count(answer, "\r\n") - 2; headers != 20 {
		t.Errorf("the answer has %d headers", headers)
	}
}

func TestEveryCaseIsInTheHelp(t *testing.T) {
	script, err := os.ReadFile("../bench")
	if err != nil {
		t.Fatal(err)
	}
	_, help, _ := strings.Cut(string(script), "\nusage_proxy() {")
	forProxy, help, _ := strings.Cut(help, "\nusage_queue() {")
	forQueue, help, _ := strings.Cut(help, "\nusage_mapreduce() {")
	forMapreduce, _, _ := strings.Cut(help, "\n}\n")
	for _, k := range cases {
		if !strings.Contains(forProxy, k.name) {
			t.Errorf("scripts/bench proxy --help does not know the case %s", k.name)
		}
	}
	for _, k := range queueCases {
		if !strings.Contains(forQueue, k.name) {
			t.Errorf("scripts/bench queue --help does not know the case %s", k.name)
		}
	}
	for _, k := range mapreduceCases {
		if !strings.Contains(forMapreduce, k.name) {
			t.Errorf("scripts/bench mapreduce --help does not know the case %s", k.name)
		}
	}
}

func TestUpstream(t *testing.T) {
	u, err := newUpstream()
	if err != nil {
		t.Fatal(err)
	}
	go func() { t.Error(u.serve()) }()
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	for i, port := range u.ports {
		r := &running{setup: setup{Port: port}}
		for _, k := range cases {
			if err := r.check(ctx, k.request); err != nil {
				t.Errorf("port %d: %s: %v", port, k.name, err)
			}
		}
		// Any address of the loopback's is an instance.
		resp, err := http.Get(fmt.Sprintf("http://127.0.0.%d:%d/small", 250-i, port))
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil || string(body) != hello {
			t.Errorf("%q, %v", body, err)
		}
	}
}

// One connection, several requests, in whatever pieces they come.
func TestUpstreamInPieces(t *testing.T) {
	u, err := newUpstream()
	if err != nil {
		t.Fatal(err)
	}
	go func() { t.Error(u.serve()) }()
	c, err := net.Dial("tcp", fmt.Sprintf("127.0.0.1:%d", u.ports[0]))
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	c.SetDeadline(time.Now().Add(20 * time.Second))
	other, err := net.Dial("tcp", c.RemoteAddr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	other.SetDeadline(time.Now().Add(20 * time.Second))
	next := request{Path: "/small"}
	upload := request{Path: "/up", Body: 1 * mib}
	whole := upload.head() + strings.Repeat("x", upload.Body)
	for _, cut := range []int{1, 20, len(upload.head()) - 2, len(upload.head()), len(upload.head()) + 9, len(whole) - 1} {
		for _, part := range []string{whole[:cut], whole[cut:]} {
			if _, err := io.WriteString(c, part); err != nil {
				t.Fatal(err)
			}
			// The upstream takes events in their order: when it has answered another
			// connection, it has read this part.
			if _, err := io.WriteString(other, next.head()); err != nil {
				t.Fatal(err)
			}
			if _, err := io.ReadFull(other, make([]byte, len(answers[next.Path]))); err != nil {
				t.Fatal(err)
			}
		}
		got := make([]byte, len(answers["/up"]))
		if _, err := io.ReadFull(c, got); err != nil || !bytes.Equal(got, answers["/up"]) {
			t.Fatalf("cut at %d: %q, %v", cut, got, err)
		}
	}
}

func TestParseLoad(t *testing.T) {
	const line = `bench {"requests":%d,"microseconds":2000000,"p50":500,"p99":900,"connect":0,"read":0,"write":0,"status":%d,"timeout":0}`
	for _, test := range []struct {
		out  string
		want string // in the error
	}{
		{fmt.Sprintf("Running 2s test\n"+line+"\n", 100, 0), ""},
		{fmt.Sprintf("Running 2s test\n"+line+"\n", 100, 3), "status 3"},
		{fmt.Sprintf("Running 2s test\n"+line+"\n", 0, 0), "no request"},
		{"Running 2s test\n", "no result"},
		{"\nbench {", "wrk"},
	} {
		l, err := parseLoad([]byte(test.out))
		if (err == nil) != (test.want == "") || err != nil && !strings.Contains(err.Error(), test.want) {
			t.Errorf("%q: %v", test.out, err)
		}
		if err == nil && (l.Requests != 100 || l.Microseconds != 2e6 || l.P50 != 500 || l.P99 != 900) {
			t.Errorf("%+v", l)
		}
	}
}

func TestParseCPUs(t *testing.T) {
	for list, want := range map[string][]string{
		"0": {"0"}, "0-1": {"0", "1"}, "0-2,5,7-8": {"0", "1", "2", "5", "7", "8"},
	} {
		if got, err := parseCPUs(list); err != nil || !slices.Equal(got, want) {
			t.Errorf("%s: %v, %v", list, got, err)
		}
	}
	if got, err := parseCPUs("all"); err == nil {
		t.Errorf("all: %v", got)
	}
}

func TestChoice(t *testing.T) {
	for names, want := range map[string]int{"": len(cases), "small-64": 1, "small-*,idle": 4} {
		if got, err := chooseCases(names, cases); err != nil || len(got) != want {
			t.Errorf("%q: %d, %v", names, len(got), err)
		}
	}
	for names, want := range map[string]int{"": len(peers), "ours,nginx": 2, "haproxy": 1} {
		if got, err := choosePeers(names, proxyNames()); err != nil || len(got) != want {
			t.Errorf("%q: %d, %v", names, len(got), err)
		}
	}
	if _, err := chooseCases("small-64,big", cases); !errors.Is(err, errUsage) {
		t.Errorf("big: %v", err)
	}
	if _, err := choosePeers("ours,apache", proxyNames()); !errors.Is(err, errUsage) {
		t.Errorf("apache: %v", err)
	}
}

// Ratios are paired: two rounds of which one was slow for both say what one alone says.
func TestReport(t *testing.T) {
	b := &bench{peers: []int{0, 1, 2}}
	k := &benchCase{name: "small-64", atMost: 1}
	all, _ := b.contenders(k)
	cpu := map[string][]float64{"nginx": {10, 20, 10}, "haproxy": {12, 24, 13}, "ours": {9, 18, 9.5}}
	for _, c := range all {
		for _, µs := range cpu[c.label()] {
			c.samples = append(c.samples, sample{CPU: µs, Rate: 1000})
		}
	}
	got := resultOf(k, all, nil)
	if l := got.Lines[0]; l.Peer != "nginx" || l.Ratio != nil || l.Median.CPU != 10 {
		t.Errorf("%+v", l)
	}
	l := got.Lines[2]
	if l.Peer != "ours" || l.Against != "nginx" || l.Ratio["cpu"].Median != 0.9 || l.Ratio["rate"].Median != 1 {
		t.Errorf("%+v", l)
	}
	if !got.Goal.Reached || got.Goal.Is != 0.9 {
		t.Errorf("%+v", got.Goal)
	}
	r := newReport("proxy", options{})
	r.add(got)
	if r.writeJSON(io.Discard) != nil {
		t.Error("no JSON")
	}
	// Fleets are compared with the same peer's.
	all, _ = b.contenders(&benchCase{fleets: []int{4, 1000}})
	if c := all[5]; c.label() != "ours 1000" || c.against.label() != "ours 4" || all[4].against != nil {
		t.Errorf("%+v", c)
	}
	// Without nginx nothing is compared, and nothing judged.
	all, _ = (&bench{peers: []int{2}}).contenders(k)
	all[0].samples = []sample{{CPU: 1}}
	if got := resultOf(k, all, nil); got.Goal != nil {
		t.Errorf("%+v", got.Goal)
	}
}

func TestQuantile(t *testing.T) {
	for _, test := range []struct {
		of   []float64
		q    float64
		want float64
	}{
		{[]float64{3}, 0.5, 3}, {[]float64{3, 1}, 0.5, 2}, {[]float64{5, 1, 3}, 0.5, 3}, {[]float64{4, 1, 2, 3, 5}, 0.25, 2},
	} {
		if got := quantile(test.of, test.q); got != test.want {
			t.Errorf("%v: %v", test, got)
		}
	}
}

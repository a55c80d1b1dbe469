//go:build servers

package main

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"

	"formation/worker/config"
	"formation/worker/mapreduce"
	"formation/worker/queue"
)

// background starts `worker background`, which reads files below root, if it is given. It
// ends with the test.
func (t typed) background(root string) {
	t.Helper()
	c, err := config.Parse([]string{"background", "--admin=127.0.0.1:0", "--name=test", "--input-root=" + root,
		"--redis=redis://" + t.server.Addr, "--redis-timeout=10s"}, t.Output())
	if err != nil {
		t.Fatal(err)
	}
	signals, ended := make(chan os.Signal, 1), make(chan error, 1)
	go func() { ended <- work(*c.(*config.Background), signals, slog.New(slog.DiscardHandler)) }()
	t.Cleanup(func() {
		signals <- syscall.SIGTERM
		if err := <-ended; err != nil {
			t.Errorf("the worker ended with: %v", err)
		}
	})
}

// files writes files into a folder of its own.
func files(t *testing.T, texts map[string]string) string {
	t.Helper()
	root := t.TempDir()
	for name, text := range texts {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(root, name)), 0o700); err != nil {
			t.Fatal(err)
		}
		f, err := os.Create(filepath.Join(root, name))
		if err != nil {
			t.Fatal(err)
		}
		var to io.WriteCloser = f
		if strings.HasSuffix(name, ".gz") {
			to = gzip.NewWriter(f)
		}
		if _, err := io.WriteString(to, text); err != nil {
			t.Fatal(err)
		}
		_ = to.Close()
		_ = f.Close()
	}
	return root
}

// access are logs of some requests.
var access = map[string]string{
	"logs/a.log":    `{"status":200,"ms":1.5}` + "\n" + `{"status":404,"ms":20}` + "\n" + `{"status":200,"ms":3}`,
	"logs/b.log.gz": `{"status":200,"ms":4}` + "\n" + `{"ms":7}` + "\n",
	"logs/c.log":    `{"status":"gone\u001b","ms":"?"}` + "\n",
	"logs/d.txt":    "nothing\n",
}

func TestRunsPrintTheirResults(t *testing.T) {
	w := newTyped(t)
	w.background(files(t, access))
	cases := []struct{ name, args, out, err string }{
		{"a table", "--input=logs/*.log* --by=status --agg=count --agg=sum --of=ms",
			"STATUS    COUNT  SUM\n-             1    7\n200           3  8.5\n404           1   20\n" + `gone\x1b      1    -` + "\n",
			`^worker: 6 lines of 3 files, \d+ bytes, in \S+: .*/s` + "\nworker: 1 line has no number in ms\n$"},
		{"JSON", "--input=logs/*.log* --by=status --json",
			`[{"status":null,"count":1},` + "\n" + `{"status":200,"count":3},` + "\n" + `{"status":404,"count":1},` + "\n" + `{"status":"gone\u001b","count":1}]` + "\n",
			`^worker: 6 lines of 3 files, .*` + "\n$"},
		{"CSV", "--input=logs/*.log* --by=status --of=ms --agg=p99 --csv --where=ms<5",
			"status,p99 (±1%)\n200,", `^worker: 6 lines, 3 chosen, of 3 files, .*` + "\nworker: estimated: p99 ±1%\n$"},
		{"the most", "--input=logs/*.log* --by=status --top=1 --csv", "status,count\n200,3\n", "^worker: 6 lines"},
		{"all in one", "--input=logs/a.log --of=ms --agg=max,count", "MAX  COUNT\n 20      3\n", "^worker: 3 lines of 1 file"},
		{"none in one", "--input=logs/a.log --of=ms --agg=max,sum,count --where=ms>99 --json", `[{"max":null,"sum":null,"count":0}]` + "\n", "^worker: 3 lines, 0 chosen,"},
		{"groups of groups", "--input=logs/*.log* --by=status,ms --then-by=status --top=1 --csv", "status,count\n200,3\n", "^worker: 6 lines"},
		{"what cannot be read", "--input=logs/d.txt --input=logs --input=e.txt --json", `[{"count":0}]` + "\n",
			`^worker: 1 line of 1 file, .*` + "\nworker: 1 line is not of the format\nworker: 2 inputs could not be read\n" +
				`(  (logs: is a directory.*|e.txt: no file.*|logs/d.txt, byte 0: .*)` + "\n){3}$"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := w.run("", append([]string{"mapreduce"}, strings.Fields(c.args)...)...)
			if got.code != 0 || !strings.HasPrefix(got.out, c.out) || !regexp.MustCompile(c.err).MatchString(got.err) {
				t.Errorf("exit code %d, it prints\n%s\nwant\n%s\nand says\n%s\nwant\n%s", got.code, got.out, c.out, got.err, c.err)
			}
		})
	}
}

func TestLinesComeInOrder(t *testing.T) {
	w := newTyped(t)
	texts, want := map[string]string{}, ""
	for n := range 9 {
		var b strings.Builder
		for i := range 200 {
			level := "INFO"
			if i%7 == n%7 {
				level = "ERROR"
				want += fmt.Sprintf("%s %d of %d\n", level, i, n)
			}
			fmt.Fprintf(&b, "%s %d of %d\n", level, i, n)
		}
		texts[fmt.Sprintf("app-%d.log", n)] = b.String()
	}
	w.background(files(t, texts))
	args := []string{"--input=app-*.log", "--regexp=^(?P<level>[A-Z]+) ", "--where=level=ERROR", "--ordered", "--shard-size=1KiB"}
	out := w.expect(0, "worker: 1800 lines, 258 chosen, of 9 files", append([]string{"mapreduce"}, args...)...)
	if out != want {
		t.Errorf("it prints\n%s\nwant\n%s", out, want)
	}
	name := strings.TrimSpace(w.expect(0, "", append([]string{"mapreduce", "--detach"}, args...)...))
	w.expect(1, "run "+name+" puts out lines as they are", "mapreduce", "attach", name, "--json")
	for range 2 { // and once more, from the first
		if out := w.expect(0, "worker: 1800 lines, 258 chosen, of 9 files", "mapreduce", "attach", name); out != want {
			t.Errorf("attached, it prints\n%s\nwant\n%s", out, want)
		}
	}
}

func TestARunGoesOnWithoutItsClient(t *testing.T) {
	w := newTyped(t)
	name := strings.TrimSpace(w.expect(0, "", "mapreduce", "--input=logs/*.log", "--by=status", "--detach", "--queue=default"))
	shown := decode[map[string]any](w, w.expect(0, "", "mapreduce", "status", name, "--json"))
	if shown["name"] != name || shown["state"] != "running" || shown["stage"] != 1.0 || shown["stages"] != 3.0 || shown["queue"] != "default" {
		t.Errorf("it is %v", shown)
	}
	other := strings.TrimSpace(w.expect(0, "", "mapreduce", "--input=x", "--detach", "--queue=nobody"))
	w.background(files(t, access))
	const want = "status,count\n200,2\n404,1\ngone\x1b,1\n"
	for range 2 {
		if out := w.expect(0, "worker: 4 lines of 2 files", "mapreduce", "attach", name, "--csv"); out != want {
			t.Errorf("attached, it prints %q, want %q", out, want)
		}
	}
	all := decode[[]map[string]any](w, w.expect(0, "", "mapreduce", "status", "--json"))
	if len(all) != 2 || all[0]["name"] != other || all[1]["name"] != name || all[1]["state"] != "done" || all[1]["lines"] != 4.0 || all[1]["ended"] == nil {
		t.Errorf("there are %v", all)
	}
	table := w.expect(0, "", "mapreduce", "status")
	for _, want := range []string{`(?m)^RUN +STATE +STAGE +PROGRESS +LINES +STARTED +INPUTS$`,
		`(?m)^` + name + ` +done +reduce +100% +4 +\S+Z +logs/\*\.log$`, `(?m)^` + other + ` +running +plan +0% +0 +\S+Z +x$`} {
		if !regexp.MustCompile(want).MatchString(table) {
			t.Errorf("%s is missing in\n%s", want, table)
		}
	}
	w.expect(1, "worker: run nobody: there is no such run\n", "mapreduce", "status", "nobody")
	w.expect(1, "worker: run nobody: there is no such run\n", "mapreduce", "attach", "nobody")
	w.expect(1, "worker: run A: \"A\" is not the name of a run\n", "mapreduce", "attach", "A")
}

func TestALostJobIsEnqueuedAgainInItsQueue(t *testing.T) {
	w := newTyped(t)
	name := strings.TrimSpace(w.expect(0, "", "mapreduce", "--input=logs/a.log", "--detach"))
	lost, err := w.redis.Keys(t.Context(), "queue:{default}:*").Result()
	if err == nil {
		err = w.redis.Del(t.Context(), lost...).Err()
	}
	if err != nil {
		t.Fatal(err)
	}
	w.background(files(t, access))
	if out := w.expect(0, "worker: 3 lines of 1 file", "mapreduce", "attach", name, "--json"); out != `[{"count":3}]`+"\n" {
		t.Errorf("it prints %q", out)
	}
}

func TestARunIsCancelled(t *testing.T) {
	w := newTyped(t)
	name := strings.TrimSpace(w.expect(0, "", "mapreduce", "--input=x", "--detach"))
	if out := w.expect(0, "", "mapreduce", "cancel", name); out != "run "+name+" is cancelled\n" {
		t.Errorf("it prints %q", out)
	}
	if out := w.expect(0, "", "mapreduce", "cancel", name); out != "run "+name+" had failed or was cancelled before\n" {
		t.Errorf("the second time it prints %q", out)
	}
	if got, want := w.run("", "mapreduce", "attach", name), (said{1, "", "worker: run " + name + " was cancelled\n"}); got != want {
		t.Errorf("attached: %+v", got)
	}
	w.expect(1, "worker: run nobody: there is no such run\n", "mapreduce", "cancel", "nobody")
}

func TestARunFails(t *testing.T) {
	fails := func(t *testing.T, w typed, want string, args ...string) {
		t.Helper()
		got := w.run("", append([]string{"mapreduce"}, args...)...)
		if got.code != 1 || got.out != "" || !regexp.MustCompile("^worker: run [a-z0-9]+ failed: .*"+want+".*\n$").MatchString(got.err) {
			t.Errorf("%q: %+v, want %s", args, got, want)
		}
	}
	t.Run("its worker reads no files", func(t *testing.T) {
		w := newTyped(t)
		w.background("")
		fails(t, w, "--input-root", "--input=logs/a.log")
	})
	t.Run("strict", func(t *testing.T) {
		w := newTyped(t)
		w.background(files(t, access))
		w.expect(0, "worker: 3 lines of 1 file", "mapreduce", "--input=logs/a.log", "--strict")
		fails(t, w, "logs/d.txt, byte 0: ", "--input=logs/*", "--strict")
		fails(t, w, "e.txt: no file of this name", "--input=logs/a.log", "--input=e.txt", "--strict")
	})
}

// begun waits until a run has been started, and returns its name.
func (t typed) begun() string {
	t.Helper()
	for {
		names, err := queue.Names(t.Context(), t.redis)
		if err != nil {
			t.Fatal(err)
		}
		if len(names) == 0 { // the last that is done
			runtime.Gosched()
			continue
		}
		all, err := mapreduce.NewRuns(t.redis).List(t.Context())
		if err != nil || len(all) != 1 {
			t.Fatalf("there are %v, %v", all, err)
		}
		return all[0].Name
	}
}

func TestASignalLeavesTheRun(t *testing.T) {
	mine := make(chan os.Signal, 2) // so that it cannot end the test
	signal.Notify(mine, os.Interrupt)
	defer signal.Stop(mine)
	for _, c := range []struct{ arg, more string }{{"--by=status", ""}, {"--ordered", " puts out its lines again from the first"}} {
		w := newTyped(t)
		got := make(chan said, 1)
		go func() { got <- w.run("", "mapreduce", "--input=logs/a.log", c.arg) }()
		name := w.begun()
		if err := syscall.Kill(os.Getpid(), syscall.SIGINT); err != nil {
			t.Fatal(err)
		}
		if got, want := <-got, (said{1, "", "worker: run " + name + " goes on: worker mapreduce attach " + name + c.more + ", or cancel " + name + "\n"}); got != want {
			t.Errorf("%s: %+v, want %+v", c.arg, got, want)
		}
		w.background(files(t, access))
		w.expect(0, "worker: 3 lines of 1 file", "mapreduce", "attach", name)
	}
}

func TestAReaderThatHasEnoughEndsARun(t *testing.T) {
	w := newTyped(t)
	w.background(files(t, access))
	for arg, state := range map[string]string{"--ordered": "cancelled", "--by=status": "done"} {
		reader, writer, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		_ = reader.Close()
		var failed strings.Builder
		code := run([]string{"mapreduce", "--input=logs/a.log", arg, "--redis=redis://" + w.server.Addr, "--redis-timeout=10s"}, nil, writer, &failed)
		_ = writer.Close()
		if code != 0 || failed.Len() > 0 {
			t.Errorf("%s: exit code %d, and it says %q", arg, code, &failed)
		}
		if !strings.Contains(w.expect(0, "", "mapreduce", "status", "--json"), `"state":"`+state+`"`) {
			t.Errorf("%s: it is not %s", arg, state)
		}
	}
}

func TestAClientWaitsForRedis(t *testing.T) {
	for _, arg := range []string{"--json", "--ordered"} {
		w := newTyped(t)
		from, errs := io.Pipe()
		var out strings.Builder
		code := make(chan int, 1)
		go func() {
			code <- run([]string{"mapreduce", "--input=logs/a.log", arg, "--redis=redis://" + w.server.Addr, "--redis-timeout=10s"}, nil, &out, errs)
			_ = errs.Close()
		}()
		w.begun()
		w.server.Kill()
		lines := bufio.NewReader(from)
		if line, err := lines.ReadString('\n'); err != nil || !strings.HasPrefix(line, "worker: --redis: redis://"+w.server.Addr) || !strings.HasSuffix(line, "; this waits for it\n") {
			t.Errorf("%s: it says %q, %v", arg, line, err)
		}
		w.server.Start(t)
		w.background(files(t, access))
		rest, _ := io.ReadAll(lines)
		want := map[string]string{"--json": `[{"count":3}]` + "\n", "--ordered": access["logs/a.log"] + "\n"}[arg]
		if code := <-code; code != 0 || out.String() != want || !strings.HasPrefix(string(rest), "worker: 3 lines of 1 file") {
			t.Errorf("%s: exit code %d, it prints %q and says %q", arg, code, &out, rest)
		}
	}
}

// breaking hands on connections to addr, and breaks one at its n-th request, which addr does
// not get. It returns its own address, and what reports whether there was one.
func breaking(t *testing.T, addr string, n int64) (string, func() bool) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var requests atomic.Int64
	var open sync.WaitGroup
	open.Go(func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("tcp", addr)
			if err != nil {
				t.Error(err)
				return
			}
			open.Go(func() {
				_, _ = io.Copy(client, server)
				_ = client.Close()
			})
			open.Go(func() {
				defer server.Close()
				for buffer := make([]byte, 64<<10); ; {
					size, err := client.Read(buffer) // a request, as each waits for its answer
					if err != nil || requests.Add(1) == n {
						return
					}
					_, _ = server.Write(buffer[:size])
				}
			})
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		open.Wait()
	})
	return listener.Addr().String(), func() bool { return requests.Load() >= n }
}

func TestABrokenConnectionChangesNothing(t *testing.T) {
	w := newTyped(t)
	w.background(files(t, access))
	cases := map[string]struct{ out, err string }{
		"--by=status --shard-size=1KiB": {"STATUS    COUNT\n-             1\n200           3\n404           1\n" + `gone\x1b      1` + "\n", "6 lines of 3 files"},
		"--ordered --where=ms<5":        {`{"status":200,"ms":1.5}` + "\n" + `{"status":200,"ms":3}` + "\n" + `{"status":200,"ms":4}` + "\n", "6 lines, 3 chosen, of 3 files"},
	}
	for arg, want := range cases {
		t.Run(arg, func(t *testing.T) {
			broken, waited := true, 0
			for n := int64(1); broken; n++ {
				name := strings.TrimSpace(w.expect(0, "", append([]string{"mapreduce", "--input=logs/*.log*", "--detach"}, strings.Fields(arg)...)...))
				addr, was := breaking(t, w.server.Addr, n)
				var out, failed strings.Builder
				code := run([]string{"mapreduce", "attach", name, "--redis=redis://" + addr, "--redis-timeout=10s"}, nil, &out, &failed)
				broken = was()
				switch said := failed.String(); {
				case code == 1 && waited == 0 && out.Len() == 0 && strings.HasPrefix(said, "worker: --redis: redis://"+addr): // the first look
				case code == 0 && out.String() == want.out && strings.Contains(said, "worker: "+want.err) && strings.Contains(said, "this waits for it") == broken:
					waited++
				default:
					t.Fatalf("broken at request %d: exit code %d, it prints\n%s\nand says\n%s", n, code, &out, said)
				}
			}
			if waited < 10 {
				t.Errorf("it was broken %d times while it waited", waited)
			}
		})
	}
}

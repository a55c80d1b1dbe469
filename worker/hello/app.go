package hello

import (
	"errors"
	"io"
	"net/http"
	"strconv"
)

// bodyLimit is how many bytes of a request's body are read, and thrown away, before
// the answer. What is longer costs the connection: net/http closes it.
const bodyLimit = 1 << 20

// App answers requests for / with a greeting and the hit's number, whatever the
// method. Everything else is 404 and not counted.
type App struct {
	name    string
	counter *Counter
	metrics *Metrics
}

// NewApp returns an app that introduces itself by the name.
func NewApp(name string, counter *Counter, metrics *Metrics) *App {
	return &App{name: name, counter: counter, metrics: metrics}
}

// ServeHTTP implements [http.Handler]. A hit that cannot be counted is 503 with
// Retry-After (RFC 9110 15.6.4): the client has done nothing wrong and nothing was
// lost but the number.
func (a *App) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/" {
		http.NotFound(w, r)
		return
	}
	// Only whole requests count. Reading also keeps the connection usable: net/http
	// closes one whose request asked to continue (RFC 9110 10.1.1) and was not read.
	if _, err := io.CopyN(io.Discard, r.Body, bodyLimit); err != nil && !errors.Is(err, io.EOF) {
		http.Error(w, "the request's body cannot be read", http.StatusBadRequest)
		return
	}
	n, err := a.counter.Hit(r.Context())
	if err != nil {
		a.metrics.refused.WithLabelValues(reason(err)).Inc()
		w.Header().Set("Retry-After", "1")
		http.Error(w, "the hit cannot be counted at the moment", http.StatusServiceUnavailable)
		return
	}
	a.metrics.answered.Inc()
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	_, _ = io.WriteString(w, a.greeting(n))
}

func (a *App) greeting(n int64) string {
	return "Hello World I am " + a.name + "! " + strconv.FormatInt(n, 10) + " times.\n"
}

package discovery

import (
	"compress/gzip"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"

	"github.com/hashicorp/consul/api"
)

const testBody = 1 << 20 // bytes that tests accept, to be fast

type tripper struct {
	see  func(url string)
	next http.RoundTripper
}

func (t tripper) RoundTrip(r *http.Request) (*http.Response, error) {
	t.see(r.URL.String())
	return t.next.RoundTrip(r)
}

func roundTripper(see func(string), next http.RoundTripper) *http.Client {
	return &http.Client{Transport: tripper{see, next}}
}

func TestNewClientBoundsAnswersAfterDecompression(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = io.WriteString(z, `["`)
		_, _ = io.CopyN(z, endless{}, testBody)
		_ = z.Close()
	}))
	defer server.Close()
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	client, err := newClient(&api.Config{Address: server.URL, Transport: transport}, testBody)
	if err != nil {
		t.Fatal(err)
	}
	if _, _, err := client.Catalog().Services(nil); !errors.Is(err, errBodyTooLarge) {
		t.Errorf("the error is %v", err)
	}
}

func TestNewClientLeavesTheConfigurationAsItIs(t *testing.T) {
	conf := &api.Config{}
	if _, err := NewClient(conf); err != nil || conf.HttpClient != nil || conf.Address != "" {
		t.Errorf("%+v, %v", conf, err)
	}
	own := &http.Client{Transport: http.DefaultTransport}
	if _, err := NewClient(&api.Config{HttpClient: own}); err != nil || own.Transport != http.DefaultTransport {
		t.Errorf("%+v, %v", own, err)
	}
}

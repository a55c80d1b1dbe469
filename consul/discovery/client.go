package discovery

import (
	"cmp"
	"errors"
	"io"
	"net/http"

	"github.com/hashicorp/consul/api"
)

// maxBody is how much of an answer is read, after decompression: an instance takes
// 2 to 4 KiB of Consul's JSON, so MaxInstances of them fit.
const maxBody = 64 << 20

var errBodyTooLarge = errors.New("the answer is too large")

// NewClient is [api.NewClient] with a bound on the answers: one larger than 64 MiB
// is an error, where consul/api itself reads whatever comes into memory. The
// configuration is not modified.
func NewClient(conf *api.Config) (*api.Client, error) {
	return newClient(conf, maxBody)
}

func newClient(conf *api.Config, limit int64) (*api.Client, error) {
	own := *conf
	if own.HttpClient != nil {
		copied := *own.HttpClient
		own.HttpClient = &copied
	}
	client, err := api.NewClient(&own)
	if err != nil {
		return nil, err
	}
	// api.NewClient has put the HTTP client it uses into own, whichever it is.
	own.HttpClient.Transport = bounded{cmp.Or(own.HttpClient.Transport, http.DefaultTransport), limit}
	return client, nil
}

// bounded bounds the bodies of responses.
type bounded struct {
	http.RoundTripper
	limit int64 // bytes
}

func (b bounded) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := b.RoundTripper.RoundTrip(r)
	if err == nil {
		resp.Body = &boundedBody{resp.Body, b.limit}
	}
	return resp, err
}

type boundedBody struct {
	io.ReadCloser
	left int64
}

func (b *boundedBody) Read(p []byte) (int, error) {
	if b.left <= 0 {
		return 0, errBodyTooLarge
	}
	n, err := b.ReadCloser.Read(p[:min(int64(len(p)), b.left)])
	b.left -= int64(n)
	return n, err
}

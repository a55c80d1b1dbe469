package redisclient

import (
	"bufio"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestTLS(t *testing.T) {
	web := httptest.NewTLSServer(nil) // for its certificate, which no authority has signed
	defer web.Close()
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: web.TLS.Certificates})
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	serving.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() { pong(c) })
		}
	})
	defer serving.Wait()
	defer listener.Close()

	ping := func(query string) error {
		client := Open(mustParse(t, "rediss://"+listener.Addr().String()+query), 5*time.Second, nil, slog.New(slog.DiscardHandler))
		defer client.Close()
		return client.Ping(t.Context()).Err()
	}
	var unknown x509.UnknownAuthorityError
	if err := ping(""); !errors.As(err, &unknown) {
		t.Errorf("with a certificate of nobody: %v", err)
	}
	if err := ping("?skip_verify=true"); err != nil {
		t.Errorf("with any certificate: %v", err)
	}
}

// pong is a Redis that knows PING alone.
func pong(c net.Conn) {
	defer c.Close()
	lines := bufio.NewScanner(c)
	for lines.Scan() {
		switch strings.ToUpper(lines.Text()) {
		case "HELLO":
			_, _ = io.WriteString(c, "-ERR unknown command\r\n")
		case "PING":
			_, _ = io.WriteString(c, "+PONG\r\n")
		}
	}
}

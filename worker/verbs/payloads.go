package verbs

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"

	"formation/worker/config"
	"formation/worker/queue"
)

// maxBatchBytes is about how many bytes of payloads one batch has at most, so that
// writing it to Redis takes no longer than a command may.
const maxBatchBytes = 4 << 20

// piped reports whether in is to be read: not a terminal and not /dev/null.
func piped(in io.Reader) bool {
	file, ok := in.(*os.File)
	if !ok {
		return in != nil
	}
	info, err := file.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice == 0
}

// repeat is n times the same payload, in batches.
func repeat(payload []byte, n int) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		most := min(queue.MaxBatch, maxBatchBytes/len(payload), n) // payloads are JSON, and not larger than a batch
		batch := make([][]byte, most)
		for i := range batch {
			batch[i] = payload
		}
		for ; n > 0; n -= most {
			if !yield(batch[:min(most, n)], nil) {
				return
			}
		}
	}
}

// lines are in's lines, each a payload. A batch ends when it is full, or when no more is
// at hand, so that lines that come slowly need not wait for more. A line that is wrong
// ends it all, and nothing of its batch is handed on; nor of all when there are several
// and there may be only one.
func lines(in io.Reader, one bool) iter.Seq2[[][]byte, error] {
	return func(yield func([][]byte, error) bool) {
		from := bufio.NewReaderSize(in, queue.MaxPayload+len("\r\n"))
		number := 0
		for ended := false; !ended; {
			var batch [][]byte
			for size := 0; len(batch) < queue.MaxBatch && size < maxBatchBytes; {
				line, err := from.ReadSlice('\n')
				ended = err == io.EOF
				if ended && len(line) == 0 {
					break
				}
				number++
				if err == nil || ended {
					err = check(line, one && number > 1)
				} else if errors.Is(err, bufio.ErrBufferFull) {
					err = fmt.Errorf("more than %d bytes", queue.MaxPayload)
				}
				if err != nil {
					yield(nil, fmt.Errorf("standard input, line %d: %w", number, err))
					return
				}
				batch = append(batch, bytes.Clone(bytes.TrimSpace(line)))
				size += len(line)
				if ended || from.Buffered() == 0 && !one {
					break
				}
			}
			if len(batch) > 0 && !yield(batch, nil) {
				return
			}
		}
	}
}

func check(line []byte, second bool) error {
	line = bytes.TrimSpace(line)
	switch {
	case second:
		return errors.New("with --id or --key there can be only one")
	case len(line) == 0:
		return errors.New("it is empty, and each has to be a payload")
	}
	return config.CheckPayload(line)
}

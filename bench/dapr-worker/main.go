// Command dapr-bench is a worker of `bench`. It runs Dapr's own DynamoDB state store and output
// binding, which are written in Go.
//
// It runs the same component as a Dapr sidecar (github.com/dapr/components-contrib, the version in
// go.mod) and calls it as the sidecar does. It measures each call inside this process, without the
// cost of the sidecar itself (its API, resiliency, tracing).
//
//	go build -o ../../target/dapr-bench .
//	dapr-bench --endpoint http://127.0.0.1:8000 --table state --region us-east-1 --access-key a --secret-key b
//
// The table must exist. Its partition key has type S and the name `key`, unless --partition-key is
// set. For an https endpoint with a private root certificate, set the environment variable
// AWS_CA_BUNDLE to the root's PEM file.
//
// The worker reads one request per line from its input and answers each with one line, in order:
//
//	{"case":"get","calls":200}
//	{"nanoseconds":[…one per call…],"cpu_nanoseconds":N}
//
// If a request fails, it answers {"error":"…"} and reads the next request. It exits at the end of its
// input. Its log goes to standard error. cases.go contains the cases, and measure.go the timing.
//
// Values are passed as Dapr's HTTP API passes them: as decoded JSON, which the store writes as a
// string (S). Dapr's gRPC API passes bytes, which the store writes as binary (B). Binary values are a
// third longer on the wire.
package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"strings"
)

// request is one line of the input.
type request struct {
	Case  string `json:"case"`
	Calls int    `json:"calls"`
}

// refusal is the answer to a request that could not be measured.
type refusal struct {
	Error string `json:"error"`
}

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdin, os.Stdout); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return
		}
		fmt.Fprintln(os.Stderr, "dapr-bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, arguments []string, input io.Reader, output io.Writer) error {
	target, err := parseFlags(arguments)
	if err != nil {
		return err
	}
	components, err := start(ctx, target)
	if err != nil {
		return err
	}
	return serve(ctx, casesOf(components, target.partitionKey), input, output)
}

func parseFlags(arguments []string) (target, error) {
	var to target
	flags := flag.NewFlagSet("dapr-bench", flag.ContinueOnError)
	flags.StringVar(&to.endpoint, "endpoint", "", "`URL` of DynamoDB or of an emulator")
	flags.StringVar(&to.table, "table", "", "`name` of an existing table")
	flags.StringVar(&to.region, "region", "", "`region` to sign requests for")
	flags.StringVar(&to.accessKey, "access-key", "", "access key `ID`")
	flags.StringVar(&to.secretKey, "secret-key", "", "secret access `key`")
	flags.StringVar(&to.partitionKey, "partition-key", "key", "`name` of the table's partition key")
	if err := flags.Parse(arguments); err != nil {
		return target{}, err
	}
	if flags.NArg() > 0 {
		return target{}, fmt.Errorf("unexpected argument %q: remove it; requests are read from standard input", flags.Arg(0))
	}
	// All are required. The component would take missing values from the environment, and could
	// write to a real account.
	for _, name := range []string{"endpoint", "table", "region", "access-key", "secret-key"} {
		if flags.Lookup(name).Value.String() == "" {
			return target{}, fmt.Errorf("--%s is missing: set it; --help lists all options", name)
		}
	}
	return to, nil
}

// serve answers every line of the input with one line, until the input ends.
func serve(ctx context.Context, cases map[string]benchCase, input io.Reader, output io.Writer) error {
	lines := bufio.NewScanner(input)
	answers := json.NewEncoder(output)
	for lines.Scan() {
		var answer any
		measured, err := answerTo(ctx, cases, lines.Bytes())
		if err != nil {
			answer = refusal{Error: err.Error()}
		} else {
			answer = measured
		}
		if err := answers.Encode(answer); err != nil {
			return fmt.Errorf("cannot write the answer: keep standard output open until the input ends: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("cannot read the input: write one request per line, each of at most 64 KiB: %w", err)
	}
	return nil
}

func answerTo(ctx context.Context, cases map[string]benchCase, line []byte) (measurement, error) {
	asked, err := parseRequest(line)
	if err != nil {
		return measurement{}, err
	}
	benchCase, found := cases[asked.Case]
	if !found {
		known := strings.Join(slices.Sorted(maps.Keys(cases)), ", ")
		return measurement{}, fmt.Errorf("unknown case %q: use one of %s", asked.Case, known)
	}
	measured, err := measure(ctx, benchCase, asked.Calls)
	if err != nil {
		return measurement{}, fmt.Errorf("case %s: %w", asked.Case, err)
	}
	return measured, nil
}

func parseRequest(line []byte) (request, error) {
	var asked request
	decoder := json.NewDecoder(bytes.NewReader(line))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&asked); err != nil {
		return request{}, fmt.Errorf(`not a valid request: write {"case":"get","calls":200}: %w`, err)
	}
	if decoder.More() {
		return request{}, errors.New("several requests on one line: write one per line")
	}
	if asked.Calls < 1 {
		return request{}, fmt.Errorf(`"calls" is %d: it must be at least 1`, asked.Calls)
	}
	return asked, nil
}

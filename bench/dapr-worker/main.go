// Command bench is Dapr's own DynamoDB state store and output binding, in Go, as a worker of
// `bench`.
//
// It runs the component that a Dapr sidecar runs (github.com/dapr/components-contrib, the version in
// go.mod), calls it as the sidecar does, and measures each call from inside this process. The
// sidecar's own cost (its API, resiliency, tracing) is not part of it.
//
//	go build -o ../../target/dapr-bench .
//	dapr-bench --endpoint http://127.0.0.1:8000 --table state --region us-east-1 --access-key a --secret-key b
//
// The table exists, with a partition key of type S (`key`, or as --partition-key says). An https
// endpoint with a root of one's own: name the root's PEM file in the environment, as AWS_CA_BUNDLE.
//
// The worker reads one request a line from its input and answers each with one line, in order:
//
//	{"case":"get","calls":200}
//	{"nanoseconds":[…one per call…],"cpu_nanoseconds":N}
//
// or with {"error":"…"}, after which it takes the next request. It ends at the end of its input. Its
// log goes to its error output. The cases are in cases.go, what is timed is in measure.go.
//
// A value is handed over as Dapr's HTTP API does, as decoded JSON, which the store keeps as a string
// (S). Its gRPC API hands over bytes, which the store keeps as binary (B), a third longer on the wire.
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
	flags.StringVar(&to.endpoint, "endpoint", "", "`URL` of DynamoDB, or of what stands in for it")
	flags.StringVar(&to.table, "table", "", "`name` of a table that exists")
	flags.StringVar(&to.region, "region", "", "`region` to sign for")
	flags.StringVar(&to.accessKey, "access-key", "", "access key `ID`")
	flags.StringVar(&to.secretKey, "secret-key", "", "secret access `key`")
	flags.StringVar(&to.partitionKey, "partition-key", "key", "`name` of the table's partition key")
	if err := flags.Parse(arguments); err != nil {
		return target{}, err
	}
	if flags.NArg() > 0 {
		return target{}, fmt.Errorf("%q is not an option: leave it out; requests are read from the input", flags.Arg(0))
	}
	// All are needed: what is missing, the component would take from the environment, and so
	// write to a real account.
	for _, name := range []string{"endpoint", "table", "region", "access-key", "secret-key"} {
		if flags.Lookup(name).Value.String() == "" {
			return target{}, fmt.Errorf("--%s is missing: give it; --help says what it is", name)
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
			return fmt.Errorf("the answer could not be written: keep the output open until the input ends: %w", err)
		}
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("the input could not be read: write one request of at most 64 KiB a line: %w", err)
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
		return measurement{}, fmt.Errorf("there is no case %q: ask for one of %s", asked.Case, known)
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
		return request{}, fmt.Errorf(`not a request: write {"case":"get","calls":200}: %w`, err)
	}
	if decoder.More() {
		return request{}, errors.New("two requests on a line: write one a line")
	}
	if asked.Calls < 1 {
		return request{}, fmt.Errorf(`"calls" is %d: ask for at least 1`, asked.Calls)
	}
	return asked, nil
}

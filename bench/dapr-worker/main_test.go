package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"slices"
	"strings"
	"testing"

	"github.com/dapr/components-contrib/state"
)

// answer is one line of output: a measurement or an error.
type answer struct {
	Nanoseconds []int64 `json:"nanoseconds"`
	CPU         *int64  `json:"cpu_nanoseconds"`
	Error       string  `json:"error"`
}

// ask sends the lines to a worker with only these cases.
func ask(t *testing.T, cases map[string]benchCase, lines ...string) []answer {
	t.Helper()
	var output bytes.Buffer
	if err := serve(t.Context(), cases, strings.NewReader(strings.Join(lines, "\n")), &output); err != nil {
		t.Fatal(err)
	}
	written := strings.Split(strings.TrimSuffix(output.String(), "\n"), "\n")
	if len(written) != len(lines) {
		t.Fatalf("got %d answers for %d lines: %q", len(written), len(lines), written)
	}
	answers := make([]answer, len(written))
	for i, line := range written {
		decoder := json.NewDecoder(strings.NewReader(line))
		decoder.DisallowUnknownFields()
		if err := decoder.Decode(&answers[i]); err != nil {
			t.Fatalf("%s: %v", line, err)
		}
	}
	return answers
}

func TestAllCallsAreTimedAndPreparedBeforeTheFirst(t *testing.T) {
	var events []string
	noted := benchCase{
		setUp: func(context.Context) error {
			events = append(events, "set-up")
			return nil
		},
		prepare: func(_ context.Context, index int) (call, error) {
			events = append(events, numbered("prepare", index))
			return func(context.Context) error {
				events = append(events, numbered("call", index))
				return nil
			}, nil
		},
	}
	got := ask(t, map[string]benchCase{"noted": noted}, `{"case":"noted","calls":3}`)[0]
	if got.Error != "" || len(got.Nanoseconds) != 3 || got.CPU == nil {
		t.Fatalf("%+v", got)
	}
	want := []string{"set-up", "prepare-0", "prepare-1", "prepare-2", "call-0", "call-1", "call-2"}
	if !slices.Equal(events, want) {
		t.Fatalf("%v", events)
	}
}

func TestFailedCallIsNamedAndTheNextRequestIsAnswered(t *testing.T) {
	cases := map[string]benchCase{"third": {
		prepare: func(_ context.Context, index int) (call, error) {
			return func(context.Context) error {
				if index == 2 {
					return errors.New("table gone")
				}
				return nil
			}, nil
		},
	}}
	got := ask(t, cases, `{"case":"third","calls":5}`, `{"case":"third","calls":2}`)
	for _, part := range []string{"third", "call 2", "table gone"} {
		if !strings.Contains(got[0].Error, part) {
			t.Fatalf("no %q in %+v", part, got[0])
		}
	}
	if got[0].Nanoseconds != nil || got[1].Error != "" || len(got[1].Nanoseconds) != 2 {
		t.Fatalf("%+v", got)
	}
}

func TestNoCallRunsIfOneCannotBePrepared(t *testing.T) {
	cases := map[string]benchCase{"half": {
		prepare: func(_ context.Context, index int) (call, error) {
			if index == 1 {
				return nil, errors.New("no ETag")
			}
			return func(context.Context) error {
				t.Error("a call ran")
				return nil
			}, nil
		},
	}}
	if got := ask(t, cases, `{"case":"half","calls":2}`)[0]; !strings.Contains(got.Error, "no ETag") {
		t.Fatalf("%+v", got)
	}
}

func TestInvalidRequestsAreAnsweredWithTheRemedy(t *testing.T) {
	cases := map[string]benchCase{"get": {prepare: always(func(context.Context) error { return nil })}}
	for line, part := range map[string]string{
		`get`:                         `write {"case"`,
		``:                            `write {"case"`,
		`{"case":"get","call":1}`:     `"call"`,
		`{"case":"get","calls":"1"}`:  "calls",
		`{"case":"get"}`:              "at least 1",
		`{"case":"get","calls":0}`:    "at least 1",
		`{"case":"got","calls":1}`:    "use one of get",
		`{"case":"get","calls":1} {}`: "one per line",
		`{"case":"get","calls":1,"concurrency":1}`: `"concurrency"`,
	} {
		// A second request shows that the worker continues after an error.
		got := ask(t, cases, line, `{"case":"get","calls":1}`)
		if !strings.Contains(got[0].Error, part) {
			t.Errorf("%s: no %q in %+v", line, part, got[0])
		}
		if got[1].Error != "" {
			t.Errorf("%s: next request: %+v", line, got[1])
		}
	}
}

func TestCasesAreThoseOfTheBenchmark(t *testing.T) {
	want := []string{"bulk-get", "bulk-set", "create", "delete", "get", "get-missing", "set", "set-etag", "transact"}
	cases := casesOf(components{}, "key")
	for _, name := range want {
		if cases[name].prepare == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if len(cases) != len(want) {
		t.Errorf("%d cases", len(cases))
	}
}

func TestValueIsReadBackAsOneKibibyte(t *testing.T) {
	if asText, err := json.Marshal(value); err != nil || !whole(asText) || len(asText) != 1024 {
		t.Errorf("%d bytes, %v", len(asText), err)
	}
}

// stubStore answers all reads with the same values.
type stubStore struct {
	state.Store
	item state.GetResponse
	bulk []state.BulkGetResponse
}

func (s *stubStore) Get(context.Context, *state.GetRequest) (*state.GetResponse, error) {
	return &s.item, nil
}

func (s *stubStore) Set(context.Context, *state.SetRequest) error { return nil }

func (s *stubStore) BulkGet(context.Context, []state.GetRequest, state.BulkGetOpts) ([]state.BulkGetResponse, error) {
	return s.bulk, nil
}

func (s *stubStore) BulkSet(context.Context, []state.SetRequest, state.BulkStoreOpts) error {
	return nil
}

func TestReadSucceedsOnlyWithAllValues(t *testing.T) {
	written := make([]byte, 1024)
	full := func() []state.BulkGetResponse {
		return slices.Repeat([]state.BulkGetResponse{{Key: "k", Data: written}}, 100)
	}
	with := func(answer state.BulkGetResponse) []state.BulkGetResponse {
		answers := full()
		answers[99] = answer
		return answers
	}
	for _, read := range []struct {
		name, of, part string
		store          stubStore
	}{
		{"all", "bulk-get", "", stubStore{bulk: full()}},
		{"none", "bulk-get", "got 0 values for 100 keys", stubStore{}},
		{"too few", "bulk-get", "got 99 values for 100 keys", stubStore{bulk: full()[1:]}},
		{"too many", "bulk-get", "got 101 values for 100 keys", stubStore{bulk: append(full(), full()[0])}},
		{"an empty one", "bulk-get", "last does not have the value", stubStore{bulk: with(state.BulkGetResponse{Key: "last"})}},
		{"a short one", "bulk-get", "last does not have the value", stubStore{bulk: with(state.BulkGetResponse{Key: "last", Data: written[1:]})}},
		{"a failed one", "bulk-get", "last: throttled", stubStore{bulk: with(state.BulkGetResponse{Key: "last", Error: "throttled"})}},
		{"the value", "get", "", stubStore{item: state.GetResponse{Data: written}}},
		{"no value", "get", "get-0 does not have the value", stubStore{}},
		{"a short value", "get", "get-0 does not have the value", stubStore{item: state.GetResponse{Data: written[1:]}}},
	} {
		t.Run(read.of+" "+read.name, func(t *testing.T) {
			cases := casesOf(components{store: &read.store}, "key")
			got := ask(t, cases, `{"case":"`+read.of+`","calls":1}`)[0]
			if (got.Error == "") != (read.part == "") || !strings.Contains(got.Error, read.part) {
				t.Fatalf("%+v", got)
			}
		})
	}
}

var allFlags = []string{"--endpoint", "http://127.0.0.1:1", "--table", "t", "--region", "r", "--access-key", "a", "--secret-key", "s"}

func TestFlagsBecomeMetadataOfTheDaprComponent(t *testing.T) {
	to, err := parseFlags(allFlags)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{
		"endpoint": "http://127.0.0.1:1", "table": "t", "region": "r",
		"accessKey": "a", "secretKey": "s", "partitionKey": "key",
	}
	for field, value := range to.properties() {
		if want[field] != value {
			t.Errorf("%s is %q", field, value)
		}
	}
	if len(to.properties()) != len(want) {
		t.Errorf("%v", to.properties())
	}
}

func TestMissingFlagIsNamed(t *testing.T) {
	for i := 0; i < len(allFlags); i += 2 {
		without := slices.Delete(slices.Clone(allFlags), i, i+2)
		if _, err := parseFlags(without); err == nil || !strings.Contains(err.Error(), allFlags[i]+" is missing") {
			t.Errorf("%s: %v", allFlags[i], err)
		}
	}
}

func TestUnknownFlagsAndArgumentsAreRefused(t *testing.T) {
	for _, extra := range []string{"bench", "--bench"} {
		if _, err := parseFlags(append(slices.Clone(allFlags), extra)); err == nil || !strings.Contains(err.Error(), "bench") {
			t.Errorf("%s: %v", extra, err)
		}
	}
	if _, err := parseFlags([]string{"--help"}); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
}

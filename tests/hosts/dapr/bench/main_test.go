package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"slices"
	"strings"
	"sync"
	"testing"
)

// answer is what a line of output can hold.
type answer struct {
	Nanoseconds []int64 `json:"nanoseconds"`
	CPU         *int64  `json:"cpu_nanoseconds"`
	Wall        *int64  `json:"wall_nanoseconds"`
	Error       string  `json:"error"`
}

// ask gives the lines to a worker that has these cases only.
func ask(t *testing.T, cases map[string]benchCase, lines ...string) []answer {
	t.Helper()
	var output bytes.Buffer
	if err := serve(t.Context(), cases, strings.NewReader(strings.Join(lines, "\n")), &output); err != nil {
		t.Fatal(err)
	}
	written := strings.Split(strings.TrimSuffix(output.String(), "\n"), "\n")
	if len(written) != len(lines) {
		t.Fatalf("%d lines answer %d: %q", len(written), len(lines), written)
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

// journal notes what happens, in its order.
type journal struct {
	mutex  sync.Mutex
	events []string
}

func (j *journal) note(event string) {
	j.mutex.Lock()
	defer j.mutex.Unlock()
	j.events = append(j.events, event)
}

func (j *journal) caseNoted(chained bool) benchCase {
	return benchCase{
		chained: chained,
		setUp: func(_ context.Context, keys int) error {
			j.note(numbered("set-up", keys))
			return nil
		},
		prepare: func(_ context.Context, index, _ int) (call, error) {
			j.note(numbered("prepare", index))
			return func(context.Context) error {
				j.note(numbered("call", index))
				return nil
			}, nil
		},
	}
}

func TestEveryCallIsTimedAndRunsAfterEverythingIsPrepared(t *testing.T) {
	var j journal
	got := ask(t, map[string]benchCase{"noted": j.caseNoted(false)}, `{"case":"noted","calls":3,"concurrency":1}`)[0]
	if got.Error != "" || len(got.Nanoseconds) != 3 || got.CPU == nil || got.Wall == nil {
		t.Fatalf("%+v", got)
	}
	want := []string{"set-up-3", "prepare-0", "prepare-1", "prepare-2", "call-0", "call-1", "call-2"}
	if !slices.Equal(j.events, want) {
		t.Fatalf("%v", j.events)
	}
}

func TestAChainedCallIsPreparedAfterTheCallBeforeIt(t *testing.T) {
	var j journal
	got := ask(t, map[string]benchCase{"noted": j.caseNoted(true)}, `{"case":"noted","calls":2}`)[0]
	if got.Error != "" || len(got.Nanoseconds) != 2 {
		t.Fatalf("%+v", got)
	}
	want := []string{"set-up-1", "prepare-0", "call-0", "prepare-1", "call-1"}
	if !slices.Equal(j.events, want) {
		t.Fatalf("%v", j.events)
	}
}

func TestChainedCallsOfSeveralGoroutinesHaveAKeyEach(t *testing.T) {
	var j journal
	ask(t, map[string]benchCase{"noted": j.caseNoted(true)}, `{"case":"noted","calls":5,"concurrency":2}`)
	if j.events[0] != "set-up-5" || j.events[5] != "prepare-4" {
		t.Fatalf("%v", j.events)
	}
}

// Each call waits until as many as there are goroutines have begun, so fewer would never end, and
// the barrier lets none of the next round through before.
func TestGoroutinesShareTheCalls(t *testing.T) {
	const concurrency = 4
	var begun sync.WaitGroup
	begun.Add(concurrency)
	var mutex sync.Mutex
	ran := map[int]int{}
	cases := map[string]benchCase{"met": {
		prepare: func(_ context.Context, index, _ int) (call, error) {
			return func(context.Context) error {
				mutex.Lock()
				ran[index]++
				mutex.Unlock()
				if index < concurrency {
					begun.Done()
					begun.Wait()
				}
				return nil
			}, nil
		},
	}}
	got := ask(t, cases, `{"case":"met","calls":10,"concurrency":4}`)[0]
	if got.Error != "" || len(got.Nanoseconds) != 10 || len(ran) != 10 {
		t.Fatalf("%+v %v", got, ran)
	}
	for index, times := range ran {
		if times != 1 {
			t.Fatalf("call %d ran %d times", index, times)
		}
	}
}

func TestAFailedCallIsAnErrorThatNamesItAndTheNextRequestIsAnswered(t *testing.T) {
	cases := map[string]benchCase{"third": {
		prepare: func(_ context.Context, index, _ int) (call, error) {
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

func TestNoCallRunsWhereOneCannotBePrepared(t *testing.T) {
	cases := map[string]benchCase{"half": {
		prepare: func(_ context.Context, index, _ int) (call, error) {
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

func TestWhatIsNotARequestIsAnsweredWithWhatToWrite(t *testing.T) {
	cases := map[string]benchCase{"get": {prepare: always(func(context.Context) error { return nil })}}
	for line, part := range map[string]string{
		`get`:                         `write {"case"`,
		``:                            `write {"case"`,
		`{"case":"get","call":1}`:     `"call"`,
		`{"case":"get","calls":"1"}`:  "calls",
		`{"case":"get"}`:              "at least 1",
		`{"case":"get","calls":0}`:    "at least 1",
		`{"case":"got","calls":1}`:    "ask for one of get",
		`{"case":"get","calls":1} {}`: "one a line",
		`{"case":"get","calls":1,"concurrency":0}`: "at least 1",
	} {
		// A request after it shows that the line did not end the session.
		got := ask(t, cases, line, `{"case":"get","calls":1}`)
		if !strings.Contains(got[0].Error, part) {
			t.Errorf("%s: no %q in %+v", line, part, got[0])
		}
		if got[1].Error != "" {
			t.Errorf("%s: the next: %+v", line, got[1])
		}
	}
}

func TestTheCasesAreThoseOfTheBenchmark(t *testing.T) {
	want := []string{"bulk-get", "bulk-set", "create", "delete", "get", "get-missing", "set", "set-etag", "transact"}
	cases := casesOf(components{}, "key", jsonValue)
	for _, name := range want {
		if cases[name].prepare == nil {
			t.Errorf("%s is missing", name)
		}
	}
	if len(cases) != len(want) {
		t.Errorf("%d cases", len(cases))
	}
}

func TestAValueComesBackAsOneKibibyteInEitherForm(t *testing.T) {
	asText, err := json.Marshal(valueOf(jsonValue))
	if err != nil || len(asText) != 1024 {
		t.Errorf("%d bytes, %v", len(asText), err)
	}
	if asBytes, ok := valueOf(bytesValue).([]byte); !ok || len(asBytes) != 1024 {
		t.Errorf("%T", valueOf(bytesValue))
	}
}

var allFlags = []string{"--endpoint", "http://127.0.0.1:1", "--table", "t", "--region", "r", "--access-key", "a", "--secret-key", "s"}

func TestFlagsBecomeTheMetadataOfADaprComponent(t *testing.T) {
	to, form, err := parseFlags(allFlags)
	if err != nil || form != jsonValue {
		t.Fatal(form, err)
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

func TestAMissingFlagIsNamed(t *testing.T) {
	for i := 0; i < len(allFlags); i += 2 {
		without := slices.Delete(slices.Clone(allFlags), i, i+2)
		if _, _, err := parseFlags(without); err == nil || !strings.Contains(err.Error(), allFlags[i]+" is missing") {
			t.Errorf("%s: %v", allFlags[i], err)
		}
	}
}

func TestWhatIsNoFlagIsRefused(t *testing.T) {
	for _, extra := range [][]string{{"bench"}, {"--value", "xml"}} {
		if _, _, err := parseFlags(append(slices.Clone(allFlags), extra...)); err == nil || !strings.Contains(err.Error(), extra[len(extra)-1]) {
			t.Errorf("%v: %v", extra, err)
		}
	}
	if _, _, err := parseFlags([]string{"--help"}); !errors.Is(err, flag.ErrHelp) {
		t.Error(err)
	}
}

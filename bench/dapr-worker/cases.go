package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dapr/components-contrib/bindings"
	"github.com/dapr/components-contrib/state"
)

const (
	// bulkSize is the number of keys of bulk-get and bulk-set.
	bulkSize = 100
	// transactionSize is the number of sets in one transaction.
	transactionSize = 10
	// writtenKeys is the number of keys that set and create write in turn.
	writtenKeys = 100
)

// suite holds the state that all cases share.
type suite struct {
	components
	partitionKey string
}

// casesOf returns all cases, keyed by the name used in requests.
func casesOf(of components, partitionKey string) map[string]benchCase {
	s := &suite{components: of, partitionKey: partitionKey}
	return map[string]benchCase{
		"get":         s.get(),
		"get-missing": s.getMissing(),
		"set":         s.set(),
		"set-etag":    s.setETag(),
		"delete":      s.delete(),
		"bulk-get":    s.bulkGet(),
		"bulk-set":    s.bulkSet(),
		"transact":    s.transact(),
		"create":      s.create(),
	}
}

func (s *suite) get() benchCase {
	key := "get-0"
	request := &state.GetRequest{Key: key}
	return benchCase{
		setUp: func(ctx context.Context) error {
			return s.write(ctx, key)
		},
		prepare: always(func(ctx context.Context) error {
			answer, err := s.store.Get(ctx, request)
			if err != nil {
				return err
			}
			if !whole(answer.Data) {
				return changed(key)
			}
			return nil
		}),
	}
}

func (s *suite) getMissing() benchCase {
	request := &state.GetRequest{Key: "missing-0"}
	return benchCase{
		prepare: always(func(ctx context.Context) error {
			answer, err := s.store.Get(ctx, request)
			if err != nil {
				return err
			}
			if answer.Data != nil {
				return fmt.Errorf("%s exists: delete it, or use an empty table", request.Key)
			}
			return nil
		}),
	}
}

func (s *suite) set() benchCase {
	return benchCase{
		prepare: func(_ context.Context, index int) (call, error) {
			request := s.setRequest("set", index%writtenKeys)
			return func(ctx context.Context) error {
				return s.store.Set(ctx, &request)
			}, nil
		},
	}
}

// setETag gives every call its own key, so that all ETags are known before the first call.
func (s *suite) setETag() benchCase {
	return benchCase{
		prepare: func(ctx context.Context, index int) (call, error) {
			request := s.setRequest("etag", index)
			if err := s.write(ctx, request.Key); err != nil {
				return nil, err
			}
			current, err := s.store.Get(ctx, &state.GetRequest{Key: request.Key})
			if err != nil {
				return nil, err
			}
			if current.ETag == nil {
				// Without an ETag the store would write unconditionally.
				return nil, fmt.Errorf("%s has no ETag: make sure that no other program writes to the table", request.Key)
			}
			request.ETag = current.ETag
			return func(ctx context.Context) error {
				return s.store.Set(ctx, &request)
			}, nil
		},
	}
}

func (s *suite) delete() benchCase {
	return benchCase{
		prepare: func(ctx context.Context, index int) (call, error) {
			request := &state.DeleteRequest{Key: numbered("delete", index)}
			if err := s.write(ctx, request.Key); err != nil {
				return nil, err
			}
			return func(ctx context.Context) error {
				return s.store.Delete(ctx, request)
			}, nil
		},
	}
}

// bulkGet sets no limit on parallelism. Dapr passes on its caller's value, and 0 means no limit
// (pkg/api/http/http.go, onBulkGetState). Each key has its own error.
func (s *suite) bulkGet() benchCase {
	requests := make([]state.GetRequest, bulkSize)
	for i := range requests {
		requests[i] = state.GetRequest{Key: numbered("bulk", i)}
	}
	return benchCase{
		setUp: func(ctx context.Context) error {
			return s.store.BulkSet(ctx, s.setRequests("bulk", bulkSize), state.BulkStoreOpts{})
		},
		prepare: always(func(ctx context.Context) error {
			answers, err := s.store.BulkGet(ctx, requests, state.BulkGetOpts{})
			if err != nil {
				return err
			}
			for i := range answers {
				answer := &answers[i]
				if answer.Error != "" {
					return fmt.Errorf("%s: %s", answer.Key, answer.Error)
				}
				if !whole(answer.Data) {
					return changed(answer.Key)
				}
			}
			if len(answers) != len(requests) {
				return fmt.Errorf("got %d values for %d keys: build with a version of components-contrib whose store answers every key", len(answers), len(requests))
			}
			return nil
		}),
	}
}

// bulkSet sets no limit on parallelism, as Dapr does (pkg/api/grpc/grpc.go, SaveState).
func (s *suite) bulkSet() benchCase {
	return benchCase{
		prepare: func(context.Context, int) (call, error) {
			requests := s.setRequests("bulk", bulkSize)
			return func(ctx context.Context) error {
				return s.store.BulkSet(ctx, requests, state.BulkStoreOpts{})
			}, nil
		},
	}
}

func (s *suite) transact() benchCase {
	return benchCase{
		prepare: func(context.Context, int) (call, error) {
			request := &state.TransactionalStateRequest{}
			// Pass sets by value, because the store ignores pointers.
			for _, set := range s.setRequests("transact", transactionSize) {
				request.Operations = append(request.Operations, set)
			}
			return func(ctx context.Context) error {
				return s.transactions.Multi(ctx, request)
			}, nil
		},
	}
}

func (s *suite) create() benchCase {
	field := strings.Repeat("v", valueSize)
	return benchCase{
		prepare: func(_ context.Context, index int) (call, error) {
			data, err := json.Marshal(map[string]string{
				s.partitionKey: numbered("create", index%writtenKeys),
				"value":        field,
			})
			if err != nil {
				return nil, err
			}
			request := &bindings.InvokeRequest{Operation: bindings.CreateOperation, Data: data}
			return func(ctx context.Context) error {
				_, err := s.binding.Invoke(ctx, request)
				return err
			}, nil
		},
	}
}

// always returns a prepare function for calls that are all the same.
func always(same call) func(context.Context, int) (call, error) {
	return func(context.Context, int) (call, error) { return same, nil }
}

func (s *suite) write(ctx context.Context, key string) error {
	return s.store.Set(ctx, &state.SetRequest{Key: key, Value: value})
}

func (s *suite) setRequest(name string, number int) state.SetRequest {
	return state.SetRequest{Key: numbered(name, number), Value: value}
}

func (s *suite) setRequests(name string, count int) []state.SetRequest {
	requests := make([]state.SetRequest, count)
	for i := range requests {
		requests[i] = s.setRequest(name, i)
	}
	return requests
}

func numbered(name string, number int) string {
	return fmt.Sprintf("%s-%d", name, number)
}

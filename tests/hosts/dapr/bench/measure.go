package main

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"syscall"
	"time"
)

// call is one timed call of a component.
type call func(ctx context.Context) error

// benchCase readies the calls of one case. Nothing it does itself is timed, nor is its CPU counted.
type benchCase struct {
	// setUp does what all calls of a burst need, once. `keys` is how many calls are prepared
	// before the first of them runs.
	setUp func(ctx context.Context, keys int) error
	// prepare readies call number `index` of the burst.
	prepare func(ctx context.Context, index, keys int) (call, error)
	// chained: a call of one goroutine can be prepared only after the call before it.
	chained bool
}

// measurement is the answer to a request, in nanoseconds.
type measurement struct {
	// Calls has one duration per call, in the order in which the calls were numbered.
	Calls []int64 `json:"nanoseconds"`
	// CPU is the time that this process spent, in itself and in the kernel, while calls ran.
	CPU int64 `json:"cpu_nanoseconds"`
	// Wall is the time that passed while calls ran.
	Wall int64 `json:"wall_nanoseconds"`
}

// measure runs a burst: `calls` calls, shared by `concurrency` goroutines.
//
// The garbage collector is left to itself. What preparing leaves behind can therefore be collected
// while calls run: the price of not hiding what the calls themselves leave behind, which a forced
// collection before each short burst would do.
func measure(ctx context.Context, of benchCase, calls, concurrency int) (measurement, error) {
	together := calls
	if of.chained && concurrency == 1 {
		together = 1
	}
	if of.setUp != nil {
		if err := of.setUp(ctx, together); err != nil {
			return measurement{}, fmt.Errorf("its set-up failed: check that the endpoint still serves the table: %w", err)
		}
	}
	result := measurement{Calls: make([]int64, calls)}
	prepared := make([]call, together)
	for first := 0; first < calls; first += together {
		for i := range prepared {
			ready, err := of.prepare(ctx, first+i, together)
			if err != nil {
				return measurement{}, fmt.Errorf("call %d could not be prepared: check that the endpoint still serves the table: %w", first+i, err)
			}
			prepared[i] = ready
		}
		if err := result.add(ctx, prepared, first, concurrency); err != nil {
			return measurement{}, err
		}
	}
	return result, nil
}

// add runs prepared calls, the first of which has the number `first`, and adds what they took.
func (m *measurement) add(ctx context.Context, prepared []call, first, concurrency int) error {
	var next atomic.Int64
	var failure error
	var failed sync.Once
	var workers sync.WaitGroup

	cpu, err := processTime()
	if err != nil {
		return err
	}
	began := time.Now()
	for range min(concurrency, len(prepared)) {
		workers.Go(func() {
			for {
				i := int(next.Add(1)) - 1
				if i >= len(prepared) {
					return
				}
				callBegan := time.Now()
				err := prepared[i](ctx)
				m.Calls[first+i] = time.Since(callBegan).Nanoseconds()
				if err != nil {
					failed.Do(func() {
						failure = fmt.Errorf("call %d failed: check that the endpoint still serves the table and that nothing else writes to it: %w", first+i, err)
					})
					// The others end after the call they are in.
					next.Store(int64(len(prepared)))
					return
				}
			}
		})
	}
	workers.Wait()
	m.Wall += time.Since(began).Nanoseconds()
	after, err := processTime()
	if err != nil {
		return err
	}
	m.CPU += (after - cpu).Nanoseconds()
	return failure
}

// processTime is the user and system time of all threads of this process so far.
func processTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("the CPU time cannot be read: run on a system with getrusage: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

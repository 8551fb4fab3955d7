package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// call is one timed call of a component.
type call func(ctx context.Context) error

// benchCase prepares the calls of one case. Neither the time nor the CPU of the preparation counts.
type benchCase struct {
	// setUp runs once before a burst. It may be nil.
	setUp func(ctx context.Context) error
	// prepare prepares call number `index` of the burst.
	prepare func(ctx context.Context, index int) (call, error)
}

// measurement is the answer to a request, in nanoseconds.
type measurement struct {
	// Calls has one duration per call, in the order of the calls.
	Calls []int64 `json:"nanoseconds"`
	// CPU is the user and system time of this process while the calls ran.
	CPU int64 `json:"cpu_nanoseconds"`
}

// measure prepares `calls` calls and then runs them one after the other.
//
// It does not force a garbage collection. So garbage of the preparation may be collected while calls
// run. A forced collection before each short burst would avoid this, but it would also hide the cost
// of collecting the garbage of the calls themselves.
func measure(ctx context.Context, of benchCase, calls int) (measurement, error) {
	if of.setUp != nil {
		if err := of.setUp(ctx); err != nil {
			return measurement{}, fmt.Errorf("set-up failed: check that the endpoint still serves the table: %w", err)
		}
	}
	prepared := make([]call, calls)
	for i := range prepared {
		ready, err := of.prepare(ctx, i)
		if err != nil {
			return measurement{}, fmt.Errorf("cannot prepare call %d: check that the endpoint still serves the table: %w", i, err)
		}
		prepared[i] = ready
	}
	return timed(ctx, prepared)
}

// timed runs prepared calls and measures them.
func timed(ctx context.Context, prepared []call) (measurement, error) {
	took := make([]int64, len(prepared))
	before, err := processTime()
	if err != nil {
		return measurement{}, err
	}
	for i, call := range prepared {
		began := time.Now()
		err := call(ctx)
		took[i] = time.Since(began).Nanoseconds()
		if err != nil {
			return measurement{}, fmt.Errorf("call %d failed: check that the endpoint still serves the table and that no other program writes to it: %w", i, err)
		}
	}
	after, err := processTime()
	if err != nil {
		return measurement{}, err
	}
	return measurement{Calls: took, CPU: (after - before).Nanoseconds()}, nil
}

// processTime returns the user and system time of all threads of this process so far.
func processTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("cannot read the CPU time: use a system with getrusage: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

package main

import (
	"context"
	"fmt"
	"syscall"
	"time"
)

// call is one timed call of a component.
type call func(ctx context.Context) error

// benchCase readies the calls of one case. Nothing it does itself is timed, nor is its CPU counted.
type benchCase struct {
	// setUp does what all calls of a burst need, once.
	setUp func(ctx context.Context) error
	// prepare readies call number `index` of the burst.
	prepare func(ctx context.Context, index int) (call, error)
}

// measurement is the answer to a request, in nanoseconds.
type measurement struct {
	// Calls has one duration per call, in their order.
	Calls []int64 `json:"nanoseconds"`
	// CPU is the time that this process spent, in itself and in the kernel, while calls ran.
	CPU int64 `json:"cpu_nanoseconds"`
}

// measure runs a burst: `calls` calls in a row, all of which are prepared before the first.
//
// The garbage collector is left to itself. What preparing leaves behind can therefore be collected
// while calls run: the price of not hiding what the calls themselves leave behind, which a forced
// collection before each short burst would do.
func measure(ctx context.Context, of benchCase, calls int) (measurement, error) {
	if of.setUp != nil {
		if err := of.setUp(ctx); err != nil {
			return measurement{}, fmt.Errorf("its set-up failed: check that the endpoint still serves the table: %w", err)
		}
	}
	prepared := make([]call, calls)
	for i := range prepared {
		ready, err := of.prepare(ctx, i)
		if err != nil {
			return measurement{}, fmt.Errorf("call %d could not be prepared: check that the endpoint still serves the table: %w", i, err)
		}
		prepared[i] = ready
	}
	return timed(ctx, prepared)
}

// timed runs prepared calls and tells what they took.
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
			return measurement{}, fmt.Errorf("call %d failed: check that the endpoint still serves the table and that nothing else writes to it: %w", i, err)
		}
	}
	after, err := processTime()
	if err != nil {
		return measurement{}, err
	}
	return measurement{Calls: took, CPU: (after - before).Nanoseconds()}, nil
}

// processTime is the user and system time of all threads of this process so far.
func processTime() (time.Duration, error) {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		return 0, fmt.Errorf("the CPU time cannot be read: run on a system with getrusage: %w", err)
	}
	return time.Duration(usage.Utime.Nano() + usage.Stime.Nano()), nil
}

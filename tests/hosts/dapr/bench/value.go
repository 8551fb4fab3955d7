package main

import (
	"errors"
	"strings"
)

// valueSize is the length of every value, in bytes as get answers it.
const valueSize = 1024

// valueForm is how a value reaches the store.
type valueForm string

const (
	// jsonValue: decoded JSON, as of a POST to Dapr's HTTP API (pkg/api/http/http.go, onPostState).
	jsonValue valueForm = "json"
	// bytesValue: bytes, as of Dapr's gRPC API (pkg/api/grpc/grpc.go, SaveState).
	bytesValue valueForm = "bytes"
)

func valueOf(form valueForm) any {
	if form == bytesValue {
		return []byte(strings.Repeat("v", valueSize))
	}
	// The store writes a string with its JSON quotes.
	return strings.Repeat("v", valueSize-len(`""`))
}

// whole tells whether a get brought the value: a fast answer that lacks it must not count.
func whole(key string, data []byte) error {
	if len(data) != valueSize {
		return errors.New(key + " has not the value that was written: let nothing else write to the table")
	}
	return nil
}

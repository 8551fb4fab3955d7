package main

import (
	"errors"
	"strings"
)

// valueSize is the length of every value as get returns it, in bytes.
const valueSize = 1024

// value is the value that is written: decoded JSON, as from a POST to Dapr's HTTP API
// (pkg/api/http/http.go, onPostState). The store writes a string with its JSON quotes.
var value any = strings.Repeat("v", valueSize-len(`""`))

// whole reports whether a get returned the whole value. A response without it must not count.
func whole(data []byte) bool {
	return len(data) == valueSize
}

// changed returns the error for a get that did not return the value.
func changed(key string) error {
	return errors.New(key + " does not have the value that was written: make sure that no other program writes to the table")
}

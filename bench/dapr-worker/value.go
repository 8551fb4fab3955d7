package main

import (
	"errors"
	"strings"
)

// valueSize is the length of every value, in bytes as get answers it.
const valueSize = 1024

// value is what is written: decoded JSON, as of a POST to Dapr's HTTP API (pkg/api/http/http.go,
// onPostState). The store writes a string with its JSON quotes.
var value any = strings.Repeat("v", valueSize-len(`""`))

// whole tells whether a get brought the value: a fast answer that lacks it must not count.
func whole(data []byte) bool {
	return len(data) == valueSize
}

// changed is the error where it did not.
func changed(key string) error {
	return errors.New(key + " has not the value that was written: let nothing else write to the table")
}

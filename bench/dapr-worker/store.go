package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/dapr/components-contrib/bindings"
	dynamodbbinding "github.com/dapr/components-contrib/bindings/aws/dynamodb"
	"github.com/dapr/components-contrib/metadata"
	"github.com/dapr/components-contrib/state"
	dynamodbstate "github.com/dapr/components-contrib/state/aws/dynamodb"
	"github.com/dapr/kit/logger"
)

// target is the table to run on and how to reach it.
type target struct {
	endpoint, table, region, accessKey, secretKey, partitionKey string
}

// properties is the target as a Dapr component file has it under spec.metadata.
func (t target) properties() map[string]string {
	return map[string]string{
		"endpoint":     t.endpoint,
		"table":        t.table,
		"region":       t.region,
		"accessKey":    t.accessKey,
		"secretKey":    t.secretKey,
		"partitionKey": t.partitionKey,
	}
}

// components are Dapr's, initialised.
type components struct {
	store        state.Store
	transactions state.TransactionalStore
	binding      bindings.OutputBinding
}

// start initialises both components. The store reads the table once as it starts, so a table that
// cannot be reached is an error here.
func start(ctx context.Context, to target) (components, error) {
	log := logger.NewLogger("dapr-bench")
	// Dapr logs to the standard output, which carries the answers here.
	log.SetOutput(os.Stderr)

	store := dynamodbstate.NewDynamoDBStateStore(log)
	base := metadata.Base{Name: "bench", Properties: to.properties()}
	if err := store.Init(ctx, state.Metadata{Base: base}); err != nil {
		return components{}, fmt.Errorf(
			"the state store did not start: check that %s serves the table %q with the partition key %q (S): %w",
			to.endpoint, to.table, to.partitionKey, err)
	}
	transactions, ok := store.(state.TransactionalStore)
	if !ok {
		return components{}, errors.New("the state store has no transactions: build with a version of components-contrib whose store has them")
	}
	binding := dynamodbbinding.NewDynamoDB(log)
	if err := binding.Init(ctx, bindings.Metadata{Base: base}); err != nil {
		return components{}, fmt.Errorf("the binding did not start: check the options that it was given: %w", err)
	}
	return components{store: store, transactions: transactions, binding: binding}, nil
}

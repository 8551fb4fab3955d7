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

// target is the table to use, with its endpoint and credentials.
type target struct {
	endpoint, table, region, accessKey, secretKey, partitionKey string
}

// properties returns the target as the spec.metadata of a Dapr component file.
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

// components holds Dapr's initialised state store and binding.
type components struct {
	store        state.Store
	transactions state.TransactionalStore
	binding      bindings.OutputBinding
}

// start initialises both components. The store reads the table when it starts, so start fails if the
// table cannot be reached.
func start(ctx context.Context, to target) (components, error) {
	log := logger.NewLogger("dapr-bench")
	// Dapr logs to standard output, but the worker writes its answers there.
	log.SetOutput(os.Stderr)

	store := dynamodbstate.NewDynamoDBStateStore(log)
	base := metadata.Base{Name: "bench", Properties: to.properties()}
	if err := store.Init(ctx, state.Metadata{Base: base}); err != nil {
		return components{}, fmt.Errorf(
			"the state store did not start: check that %s serves the table %q with the partition key %q of type S: %w",
			to.endpoint, to.table, to.partitionKey, err)
	}
	transactions, ok := store.(state.TransactionalStore)
	if !ok {
		return components{}, errors.New("the state store has no transactions: build with a version of components-contrib whose store supports them")
	}
	binding := dynamodbbinding.NewDynamoDB(log)
	if err := binding.Init(ctx, bindings.Metadata{Base: base}); err != nil {
		return components{}, fmt.Errorf("the binding did not start: check the options of this program: %w", err)
	}
	return components{store: store, transactions: transactions, binding: binding}, nil
}

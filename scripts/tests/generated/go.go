// Calls the client that openapi-generator writes for Go.
//
// Debian: golang-go default-jre-headless
// Generate: openapi-generator-cli generate -g go -i openapi.yaml -o client --git-user-id example --git-repo-id softmaxd
// Build: go mod init driver
// Build: go mod edit -require=github.com/example/softmaxd@v1.0.0 -replace=github.com/example/softmaxd=./client
// Build: go vet github.com/example/softmaxd .
// Build: go build -o driver .
// Run: ./driver http://127.0.0.1:8080
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"math"
	"os"
	"strings"

	softmaxd "github.com/example/softmaxd"
)

func bits(value any) string {
	switch value := value.(type) {
	case []any:
		parts := make([]string, len(value))
		for i, element := range value {
			parts[i] = bits(element)
		}
		return strings.Join(parts, " ")
	case float64:
		return fmt.Sprintf("%016x", math.Float64bits(value))
	default:
		return fmt.Sprint(value)
	}
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	configuration := softmaxd.NewConfiguration()
	configuration.Servers = softmaxd.ServerConfigurations{{URL: os.Args[1]}}
	api := softmaxd.NewAPIClient(configuration).MathematicsAPI
	background := context.Background()

	ask := softmaxd.NewSoftmaxRequest([]any{0.1, "-Infinity", 1.0 / 3})
	ask.SetTemperature(0.7)
	ask.SetOutputs([]softmaxd.SoftmaxOutput{softmaxd.PROBABILITIES, softmaxd.LOG_PROBABILITIES})
	softmax, _, err := api.Softmax(background).SoftmaxRequest(*ask).Execute()
	check(err)
	fmt.Println("softmax probabilities", bits(softmax.Probabilities))
	fmt.Println("softmax log_probabilities", bits(softmax.LogProbabilities))

	askLoss := softmaxd.NewLossRequest()
	askLoss.SetLogits([]any{0.1, 1.2345678901234567, -2.5})
	askLoss.SetTarget(1)
	askLoss.SetWeight([]float64{0.1, 0.7, 0.3})
	askLoss.SetLabelSmoothing(0.1)
	askLoss.SetReduction(softmaxd.SUM)
	loss, _, err := api.Loss(background).LossRequest(*askLoss).Execute()
	check(err)
	fmt.Println("loss loss", bits(loss.Loss))

	logits := []any{[]any{0.1, 0.2, "-Infinity"}, []float64{-1.5, 2.25, 0.7}}
	askGradient := softmaxd.NewGradientRequest()
	askGradient.SetLogits(logits)
	askGradient.SetTarget([]int{0, 2})
	askGradient.SetReduction(softmaxd.NONE)
	askGradient.SetOutputs([]softmaxd.GradientOutput{softmaxd.GRADIENT, softmaxd.LOSS})
	gradient, _, err := api.Gradient(background).GradientRequest(*askGradient).Execute()
	check(err)
	fmt.Println("gradient gradient", bits(gradient.Gradient))
	fmt.Println("gradient loss", bits(gradient.Loss))

	askTeacher := softmaxd.NewGradientRequest()
	askTeacher.SetLogits([]any{0.1, 0.2, 0.7})
	askTeacher.SetTargetLogits([]any{-1.5, "-Infinity", 2.25})
	askTeacher.SetOutputs([]softmaxd.GradientOutput{softmaxd.KL_DIVERGENCE})
	teacher, _, err := api.Gradient(background).GradientRequest(*askTeacher).Execute()
	check(err)
	fmt.Println("gradient kl_divergence", bits(teacher.KlDivergence))

	candidate := softmaxd.NewCandidate()
	candidate.SetProbabilities([]any{0.26894142, 0.73105858})
	checked, _, err := api.Check(background).CheckRequest(*softmaxd.NewCheckRequest([]any{1, 2}, *candidate)).Execute()
	check(err)
	fmt.Println("check max_relative_error", bits(checked.Outputs.Probabilities.MaxRelativeError))

	askWrong := softmaxd.NewLossRequest()
	askWrong.SetLogits([]any{1, 2})
	askWrong.SetTarget(5)
	_, response, err := api.Loss(background).LossRequest(*askWrong).Execute()
	var refusal *softmaxd.GenericOpenAPIError
	if !errors.As(err, &refusal) {
		log.Fatal("not refused")
	}
	problem := refusal.Model().(softmaxd.Problem)
	fmt.Println("refused", response.StatusCode, problem.Type, problem.Errors[0].Pointer, problem.Detail)
}

// A client in Go's standard library.
//
// Debian: golang-go
// Build: go build client.go
// Run: ./client http://127.0.0.1:8080
package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log"
	"net/http"
	"os"
	"reflect"
	"strings"
)

var url = "http://127.0.0.1:8080"

// Problem is what the service answers when it refuses a request (RFC 9457).
type Problem struct {
	Status int
	Detail string
}

func (p Problem) Error() string { return fmt.Sprint(p.Status, " ", p.Detail) }

func post(path string, message, answer any) error {
	body, err := json.Marshal(message)
	if err != nil {
		return err
	}
	response, err := http.Post(url+path, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		var problem Problem
		if err := json.NewDecoder(response.Body).Decode(&problem); err != nil {
			return err
		}
		return problem
	}
	return json.NewDecoder(response.Body).Decode(answer)
}

type message map[string]any

type answer struct {
	Probabilities []float64
	Loss          float64
	Gradient      [][]float64
}

func main() {
	log.SetFlags(0)
	if len(os.Args) > 1 {
		url = strings.TrimSuffix(os.Args[1], "/")
	}
	// A variable each: Go adds constants exactly, so that 0.1 + 0.2 among constants would be 0.3.
	a, b, third := 0.1, 0.2, 1.0/3
	var softmax, loss, gradient answer
	for _, err := range []error{
		post("/softmax", message{"logits": []float64{a + b, third, -2.5}}, &softmax),
		post("/loss", message{"logits": []float64{40, 0}, "target": 0}, &loss),
		post("/gradient", message{"logits": [][]float64{{2, 1, 0.1}, {0.5, 2.5, -1}}, "target": []int{0, 2}}, &gradient),
	} {
		if err != nil {
			log.Fatal(err)
		}
	}
	fmt.Println("softmax ", softmax.Probabilities)
	fmt.Println("loss    ", loss.Loss)
	fmt.Println("gradient", gradient.Gradient)
	problem, refused := post("/loss", message{"logits": []float64{1, 2}, "target": 5}, &loss).(Problem)
	if !refused {
		log.Fatal("a target that does not exist was answered")
	}
	fmt.Println("refused ", problem)

	probabilities := []float64{0.47739415140192576, 0.49357548035441035, 0.02903036824366389}
	rows := [][]float64{
		{-0.17049943055701605, 0.12121648535235696, 0.04928294520465908},
		{0.05805726733707059, 0.42898840530422866, -0.4870456726412992},
	}
	exact := reflect.DeepEqual(softmax.Probabilities, probabilities) &&
		loss.Loss == 4.248354255291589e-18 &&
		reflect.DeepEqual(gradient.Gradient, rows)
	if !exact {
		log.Fatal("a number differs")
	}
}

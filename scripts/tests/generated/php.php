<?php
// Calls the client that openapi-generator writes for PHP, with Guzzle.
//
// Debian: php-cli php-curl php-mbstring php-guzzlehttp-guzzle default-jre-headless
// Generate: openapi-generator-cli generate -g php -i openapi.yaml -o client --name-mappings model_name=name_of_model
// Build: find client/lib -name '*.php' | xargs -n 1 php -l
// Run: php php.php http://127.0.0.1:8080

declare(strict_types=1);

require "GuzzleHttp/autoload.php";
spl_autoload_register(function (string $class): void {
    $file = __DIR__ . "/client/lib/" . str_replace(["OpenAPI\\Client\\", "\\"], ["", "/"], $class) . ".php";
    if (is_file($file)) {
        require $file;
    }
});

use OpenAPI\Client\Api\MathematicsApi;
use OpenAPI\Client\ApiException;
use OpenAPI\Client\Configuration;
use OpenAPI\Client\Model\Candidate;
use OpenAPI\Client\Model\CheckRequest;
use OpenAPI\Client\Model\GradientOutput;
use OpenAPI\Client\Model\GradientRequest;
use OpenAPI\Client\Model\LossRequest;
use OpenAPI\Client\Model\Reduction;
use OpenAPI\Client\Model\SoftmaxOutput;
use OpenAPI\Client\Model\SoftmaxRequest;

function bits(mixed $value): string
{
    if (is_array($value)) {
        return implode(" ", array_map(bits(...), $value));
    }
    return is_string($value) ? $value : bin2hex(pack("E", $value));
}

$api = new MathematicsApi(config: (new Configuration())->setHost($argv[1]));

$softmax = $api->softmax(new SoftmaxRequest([
    "logits" => [0.1, "-Infinity", 1 / 3], "temperature" => 0.7,
    "outputs" => [SoftmaxOutput::PROBABILITIES, SoftmaxOutput::LOG_PROBABILITIES],
]));
echo "softmax probabilities ", bits($softmax->getProbabilities()), "\n";
echo "softmax log_probabilities ", bits($softmax->getLogProbabilities()), "\n";

$loss = $api->loss(new LossRequest([
    "logits" => [0.1, 1.2345678901234567, -2.5], "target" => 1, "weight" => [0.1, 0.7, 0.3], "label_smoothing" => 0.1,
    "reduction" => Reduction::SUM,
]));
echo "loss loss ", bits($loss->getLoss()), "\n";

$gradient = $api->gradient(new GradientRequest([
    "logits" => [[0.1, 0.2, "-Infinity"], [-1.5, 2.25, 0.7]], "target" => [0, 2], "reduction" => Reduction::NONE,
    "outputs" => [GradientOutput::GRADIENT, GradientOutput::LOSS],
]));
echo "gradient gradient ", bits($gradient->getGradient()), "\n";
echo "gradient loss ", bits($gradient->getLoss()), "\n";

$teacher = $api->gradient(new GradientRequest([
    "logits" => [0.1, 0.2, 0.7], "target_logits" => [-1.5, "-Infinity", 2.25],
    "outputs" => [GradientOutput::KL_DIVERGENCE],
]));
echo "gradient kl_divergence ", bits($teacher->getKlDivergence()), "\n";

$check = $api->check(new CheckRequest([
    "logits" => [1, 2], "candidate" => new Candidate(["probabilities" => [0.26894142, 0.73105858]]),
]));
echo "check max_relative_error ", bits($check->getOutputs()->getProbabilities()->getMaxRelativeError()), "\n";

try {
    $api->loss(new LossRequest(["logits" => [1, 2], "target" => 5]));
} catch (ApiException $refusal) {
    $problem = $refusal->getResponseObject();
    $pointer = $problem->getErrors()[0]->getPointer();
    echo "refused {$refusal->getCode()} {$problem->getType()} $pointer {$problem->getDetail()}\n";
}

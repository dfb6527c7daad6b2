<?php
// A client in PHP without an extension.
//
// Debian: php-cli
// Run: php client.php http://127.0.0.1:8080

declare(strict_types=1);

$url = rtrim($argv[1] ?? "http://127.0.0.1:8080", "/");

function post(string $url, array $message): array
{
    $context = stream_context_create(["http" => [
        "method" => "POST",
        "header" => "Content-Type: application/json",
        "content" => json_encode($message, JSON_THROW_ON_ERROR),
        "ignore_errors" => true, // or the problem's text would be thrown away
    ]]);
    $answer = json_decode(file_get_contents($url, false, $context), true, 512, JSON_THROW_ON_ERROR);
    if (!str_contains($http_response_header[0], " 200 ")) {
        throw new RuntimeException($answer["detail"], $answer["status"]);
    }
    return $answer;
}

$softmax = post("$url/softmax", ["logits" => [0.1 + 0.2, 1 / 3, -2.5]]);
$loss = post("$url/loss", ["logits" => [40, 0], "target" => 0]);
$gradient = post("$url/gradient", ["logits" => [[2, 1, 0.1], [0.5, 2.5, -1]], "target" => [0, 2]]);
echo "softmax  ", json_encode($softmax["probabilities"]), "\n";
echo "loss     ", json_encode($loss["loss"]), "\n";
echo "gradient ", json_encode($gradient["gradient"]), "\n";
try {
    post("$url/loss", ["logits" => [1, 2], "target" => 5]);
    throw new LogicException("a target that does not exist was answered");
} catch (RuntimeException $problem) {
    echo "refused  ", $problem->getCode(), " ", $problem->getMessage(), "\n";
}

$exact = $softmax["probabilities"] === [0.47739415140192576, 0.49357548035441035, 0.02903036824366389]
    && $loss["loss"] === 4.248354255291589e-18
    && $gradient["gradient"] === [
        [-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
        [0.05805726733707059, 0.42898840530422866, -0.4870456726412992],
    ];
if (!$exact) {
    fwrite(STDERR, "a number differs\n");
}
exit($exact ? 0 : 1);

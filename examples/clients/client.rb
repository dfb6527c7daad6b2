# A client in Ruby's standard library.
#
# Debian: ruby
# Run: ruby client.rb http://127.0.0.1:8080

require "json"
require "net/http"

URL = (ARGV[0] || "http://127.0.0.1:8080").delete_suffix("/")

class Refused < StandardError; end

def post(path, message)
  response = Net::HTTP.post(URI(URL + path), message.to_json, "Content-Type" => "application/json")
  answer = JSON.parse(response.body)
  raise Refused, "#{response.code} #{answer["detail"]}" unless response.is_a?(Net::HTTPSuccess)

  answer
end

softmax = post("/softmax", logits: [0.1 + 0.2, 1.0 / 3, -2.5])
loss = post("/loss", logits: [40, 0], target: 0)
gradient = post("/gradient", logits: [[2, 1, 0.1], [0.5, 2.5, -1]], target: [0, 2])
puts "softmax  #{softmax["probabilities"]}"
puts "loss     #{loss["loss"]}"
puts "gradient #{gradient["gradient"]}"
begin
  post("/loss", logits: [1, 2], target: 5)
  abort "a target that does not exist was answered"
rescue Refused => problem
  puts "refused  #{problem.message}"
end

exact = softmax["probabilities"] == [0.47739415140192576, 0.49357548035441035, 0.02903036824366389] &&
        loss["loss"] == 4.248354255291589e-18 &&
        gradient["gradient"] == [[-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
                                 [0.05805726733707059, 0.42898840530422866, -0.4870456726412992]]
abort "a number differs" unless exact

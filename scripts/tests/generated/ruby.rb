# Calls the client that openapi-generator writes for Ruby, with Typhoeus.
#
# Debian: ruby ruby-typhoeus default-jre-headless
# Generate: openapi-generator-cli generate -g ruby -i openapi.yaml -o client
# Build: ruby -wc $(find client/lib -name '*.rb')
# Run: ruby -I client/lib ruby.rb http://127.0.0.1:8080

require "openapi_client"
require "uri"

def bits(value)
  case value
  when Array then value.map { |element| bits(element) }.join(" ")
  when Numeric then [value].pack("G").unpack1("H*")
  else value
  end
end

address = URI(ARGV[0])
OpenapiClient.configure do |configuration|
  configuration.scheme = address.scheme
  configuration.host = "#{address.host}:#{address.port}"
end
api = OpenapiClient::MathematicsApi.new

softmax = api.softmax(OpenapiClient::SoftmaxRequest.new(
  logits: [0.1, "-Infinity", 1 / 3.0], temperature: 0.7,
  outputs: [OpenapiClient::SoftmaxOutput::PROBABILITIES, OpenapiClient::SoftmaxOutput::LOG_PROBABILITIES]
))
puts "softmax probabilities #{bits(softmax.probabilities)}"
puts "softmax log_probabilities #{bits(softmax.log_probabilities)}"

loss = api.loss(OpenapiClient::LossRequest.new(
  logits: [0.1, 1.2345678901234567, -2.5], target: 1, weight: [0.1, 0.7, 0.3], label_smoothing: 0.1,
  reduction: OpenapiClient::Reduction::SUM
))
puts "loss loss #{bits(loss.loss)}"

gradient = api.gradient(OpenapiClient::GradientRequest.new(
  logits: [[0.1, 0.2, "-Infinity"], [-1.5, 2.25, 0.7]], target: [0, 2], reduction: OpenapiClient::Reduction::NONE,
  outputs: [OpenapiClient::GradientOutput::GRADIENT, OpenapiClient::GradientOutput::LOSS]
))
puts "gradient gradient #{bits(gradient.gradient)}"
puts "gradient loss #{bits(gradient.loss)}"

teacher = api.gradient(OpenapiClient::GradientRequest.new(
  logits: [0.1, 0.2, 0.7], target_logits: [-1.5, "-Infinity", 2.25],
  outputs: [OpenapiClient::GradientOutput::KL_DIVERGENCE]
))
puts "gradient kl_divergence #{bits(teacher.kl_divergence)}"

check = api.check(OpenapiClient::CheckRequest.new(
  logits: [1, 2], candidate: OpenapiClient::Candidate.new(probabilities: [0.26894142, 0.73105858])
))
puts "check max_relative_error #{bits(check.outputs.probabilities.max_relative_error)}"

begin
  api.loss(OpenapiClient::LossRequest.new(logits: [1, 2], target: 5))
rescue OpenapiClient::ApiError => refusal
  problem = OpenapiClient::Problem.build_from_hash(JSON.parse(refusal.response_body, symbolize_names: true))
  puts "refused #{refusal.code} #{problem.type} #{problem.errors[0].pointer} #{problem.detail}"
end

// Calls the client that openapi-generator writes for Java's own HttpClient, with the Jackson that is in its jar, $JAR.
//
// Debian: default-jdk-headless libgeronimo-annotation-1.3-spec-java
// Generate: openapi-generator-cli generate -g java --library native -p openApiNullable=false -i openapi.yaml -o client
// Build: find client/src/main -name '*.java' >sources
// Build: javac -proc:none -cp "$JAR:/usr/share/java/geronimo-annotation-1.3-spec.jar" -d . @sources
// Build: javac -cp "$JAR:." java.java
// Run: java -cp "$JAR:." Driver http://127.0.0.1:8080

import java.util.List;
import java.util.stream.Collectors;
import org.openapitools.client.ApiClient;
import org.openapitools.client.ApiException;
import org.openapitools.client.api.MathematicsApi;
import org.openapitools.client.model.Candidate;
import org.openapitools.client.model.CheckRequest;
import org.openapitools.client.model.GradientOutput;
import org.openapitools.client.model.GradientRequest;
import org.openapitools.client.model.LossRequest;
import org.openapitools.client.model.Problem;
import org.openapitools.client.model.Reduction;
import org.openapitools.client.model.SoftmaxOutput;
import org.openapitools.client.model.SoftmaxRequest;

class Driver {
    static String bits(Object value) {
        if (value instanceof List<?> list) {
            return list.stream().map(Driver::bits).collect(Collectors.joining(" "));
        }
        return value instanceof Double number
            ? String.format("%016x", Double.doubleToRawLongBits(number)) : value.toString();
    }

    public static void main(String[] arguments) throws Exception {
        ApiClient client = new ApiClient();
        client.updateBaseUri(arguments[0]);
        MathematicsApi api = new MathematicsApi(client);

        var softmax = api.softmax(new SoftmaxRequest()
            .logits(List.of(0.1, "-Infinity", 1.0 / 3)).temperature(0.7)
            .outputs(List.of(SoftmaxOutput.PROBABILITIES, SoftmaxOutput.LOG_PROBABILITIES)), null, null);
        System.out.println("softmax probabilities " + bits(softmax.getProbabilities()));
        System.out.println("softmax log_probabilities " + bits(softmax.getLogProbabilities()));

        var loss = api.loss(new LossRequest()
            .logits(List.of(0.1, 1.2345678901234567, -2.5)).target(1).weight(List.of(0.1, 0.7, 0.3))
            .labelSmoothing(0.1).reduction(Reduction.SUM), null, null);
        System.out.println("loss loss " + bits(loss.getLoss()));

        var gradient = api.gradient(new GradientRequest()
            .logits(List.of(List.of(0.1, 0.2, "-Infinity"), List.of(-1.5, 2.25, 0.7))).target(List.of(0, 2))
            .reduction(Reduction.NONE).outputs(List.of(GradientOutput.GRADIENT, GradientOutput.LOSS)), null, null);
        System.out.println("gradient gradient " + bits(gradient.getGradient()));
        System.out.println("gradient loss " + bits(gradient.getLoss()));

        var teacher = api.gradient(new GradientRequest()
            .logits(List.of(0.1, 0.2, 0.7)).targetLogits(List.of(-1.5, "-Infinity", 2.25))
            .outputs(List.of(GradientOutput.KL_DIVERGENCE)), null, null);
        System.out.println("gradient kl_divergence " + bits(teacher.getKlDivergence()));

        var check = api.check(new CheckRequest().logits(List.of(1, 2))
            .candidate(new Candidate().probabilities(List.of(0.26894142, 0.73105858))), null, null);
        System.out.println("check max_relative_error "
            + bits(check.getOutputs().getProbabilities().getMaxRelativeError()));

        try {
            api.loss(new LossRequest().logits(List.of(1, 2)).target(5), null, null);
        } catch (ApiException refusal) {
            Problem problem = client.getObjectMapper().readValue(refusal.getResponseBody(), Problem.class);
            System.out.println("refused " + refusal.getCode() + " " + problem.getType() + " "
                + problem.getErrors().get(0).getPointer() + " " + problem.getDetail());
        }
    }
}

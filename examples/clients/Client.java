// A client in Java's own HttpClient, with Jackson for JSON.
//
// Debian: default-jdk-headless libjackson2-databind-java
// Build: javac -cp /usr/share/java/jackson-databind.jar Client.java
// Run: java -cp /usr/share/java/jackson-databind.jar:. Client http://127.0.0.1:8080

import com.fasterxml.jackson.annotation.JsonIgnoreProperties;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse;
import java.util.Arrays;
import java.util.Map;

public class Client {
    record Softmax(double[] probabilities) {}
    record Loss(double loss) {}
    record Gradient(double loss, double[][] gradient) {}

    @JsonIgnoreProperties(ignoreUnknown = true)
    record Problem(String title, int status, String detail) {}

    static class Refused extends Exception {
        final Problem problem;

        Refused(Problem problem) {
            super(problem.detail());
            this.problem = problem;
        }
    }

    static final ObjectMapper JSON = new ObjectMapper();
    static final HttpClient HTTP = HttpClient.newHttpClient();

    static <Answer> Answer post(String url, Map<String, ?> message, Class<Answer> type) throws Exception {
        var request = HttpRequest.newBuilder(URI.create(url))
            .header("Content-Type", "application/json")
            .POST(HttpRequest.BodyPublishers.ofByteArray(JSON.writeValueAsBytes(message)))
            .build();
        var response = HTTP.send(request, HttpResponse.BodyHandlers.ofByteArray());
        if (response.statusCode() != 200) throw new Refused(JSON.readValue(response.body(), Problem.class));
        return JSON.readValue(response.body(), type);
    }

    public static void main(String[] arguments) throws Exception {
        var url = (arguments.length > 0 ? arguments[0] : "http://127.0.0.1:8080").replaceFirst("/$", "");
        var softmax = post(url + "/softmax", Map.of("logits", new double[] {0.1 + 0.2, 1.0 / 3, -2.5}), Softmax.class);
        var loss = post(url + "/loss", Map.of("logits", new double[] {40, 0}, "target", 0), Loss.class);
        double[][] logits = {{2, 1, 0.1}, {0.5, 2.5, -1}};
        var gradient = post(url + "/gradient", Map.of("logits", logits, "target", new int[] {0, 2}), Gradient.class);
        System.out.println("softmax  " + Arrays.toString(softmax.probabilities()));
        System.out.println("loss     " + loss.loss());
        System.out.println("gradient " + Arrays.deepToString(gradient.gradient()));
        try {
            post(url + "/loss", Map.of("logits", new double[] {1, 2}, "target", 5), Loss.class);
            throw new AssertionError("a target that does not exist was answered");
        } catch (Refused refused) {
            System.out.println("refused  " + refused.problem.status() + " " + refused.problem.detail());
        }

        double[] probabilities = {0.47739415140192576, 0.49357548035441035, 0.02903036824366389};
        double[][] rows = {
            {-0.17049943055701605, 0.12121648535235696, 0.04928294520465908},
            {0.05805726733707059, 0.42898840530422866, -0.4870456726412992}};
        var exact = Arrays.equals(softmax.probabilities(), probabilities)
            && loss.loss() == 4.248354255291589e-18
            && Arrays.deepEquals(gradient.gradient(), rows);
        if (!exact) throw new AssertionError("a number differs");
    }
}

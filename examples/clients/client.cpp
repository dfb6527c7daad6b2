// A client in C++ with libcurl and JSON for Modern C++.
//
// Debian: g++ libcurl4-openssl-dev nlohmann-json3-dev
// Build: c++ -std=c++17 -O2 -Wall -Wextra -o client client.cpp -lcurl
// Run: ./client http://127.0.0.1:8080

#include <curl/curl.h>
#include <iostream>
#include <memory>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

using nlohmann::json;

struct Refused : std::runtime_error {
    using std::runtime_error::runtime_error;
};

class Client {
public:
    explicit Client(std::string address) : url(std::move(address)) {
        if (!url.empty() && url.back() == '/') url.pop_back();
    }

    json post(const std::string &path, const json &message) {
        const std::string target = url + path, body = message.dump();
        std::string text;
        std::unique_ptr<curl_slist, decltype(&curl_slist_free_all)> fields(
            curl_slist_append(nullptr, "Content-Type: application/json"), curl_slist_free_all);
        curl_easy_setopt(curl.get(), CURLOPT_URL, target.c_str());
        curl_easy_setopt(curl.get(), CURLOPT_HTTPHEADER, fields.get());
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(body.size()));
        curl_easy_setopt(curl.get(), CURLOPT_POSTFIELDS, body.c_str());
        curl_easy_setopt(curl.get(), CURLOPT_WRITEFUNCTION, append);
        curl_easy_setopt(curl.get(), CURLOPT_WRITEDATA, &text);
        if (const auto code = curl_easy_perform(curl.get()); code != CURLE_OK)
            throw std::runtime_error(curl_easy_strerror(code));
        long status = 0;
        curl_easy_getinfo(curl.get(), CURLINFO_RESPONSE_CODE, &status);
        const auto answer = json::parse(text);
        if (status != 200) throw Refused(std::to_string(status) + " " + answer.at("detail").get<std::string>());
        return answer;
    }

private:
    static size_t append(char *bytes, size_t size, size_t count, void *text) {
        static_cast<std::string *>(text)->append(bytes, size * count);
        return size * count;
    }

    std::string url;
    std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl{curl_easy_init(), curl_easy_cleanup};
};

int main(int argc, char **argv) {
    Client client(argc > 1 ? argv[1] : "http://127.0.0.1:8080");
    using Row = std::vector<double>;
    using Rows = std::vector<Row>;
    const Rows batch{{2, 1, 0.1}, {0.5, 2.5, -1}};
    const json softmax = client.post("/softmax", {{"logits", Row{0.1 + 0.2, 1.0 / 3, -2.5}}})["probabilities"];
    const json loss = client.post("/loss", {{"logits", Row{40, 0}}, {"target", 0}})["loss"];
    const json gradient = client.post("/gradient", {{"logits", batch}, {"target", {0, 2}}})["gradient"];
    std::cout << "softmax  " << softmax << "\nloss     " << loss << "\ngradient " << gradient << "\n";
    try {
        client.post("/loss", {{"logits", Row{1, 2}}, {"target", 5}});
        throw std::logic_error("a target that does not exist was answered");
    } catch (const Refused &problem) {
        std::cout << "refused  " << problem.what() << "\n";
    }

    const bool exact = softmax.get<Row>() == Row{0.47739415140192576, 0.49357548035441035, 0.02903036824366389} &&
                       loss.get<double>() == 4.248354255291589e-18 &&
                       gradient.get<Rows>() == Rows{{-0.17049943055701605, 0.12121648535235696, 0.04928294520465908},
                                                    {0.05805726733707059, 0.42898840530422866, -0.4870456726412992}};
    if (!exact) std::cerr << "a number differs\n";
    return exact ? 0 : 1;
}

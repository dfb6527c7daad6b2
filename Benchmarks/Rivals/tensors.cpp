// Boost.Beast beside softmaxd's binary tensors: the gradient of the mean loss of softmax and its cross-entropy, in plain
// loops over raw bytes. scripts/bench tensors builds it with -O3 -march=native -ffast-math, so that exp is glibc's
// vectorised one, and measures both. Not exact: a result is off by some units in the last place.
//
// POST /float32/ROWS/CLASSES or /float64/ROWS/CLASSES: the logits, then a target for each row in 64 bits. The answer is the
// gradient, with the loss in the field Loss. A thread for each connection, which keeps its memory.
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/read.hpp>
#include <boost/beast/core.hpp>
#include <boost/beast/http.hpp>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

namespace asio = boost::asio;
namespace beast = boost::beast;
namespace http = beast::http;
using tcp = asio::ip::tcp;

template <typename Number>
static double gradient(Number* row, const int64_t* target, size_t rows, size_t classes) {
  double loss = 0;
  for (size_t n = 0; n < rows; ++n, row += classes) {
    Number top = row[0];
    for (size_t i = 1; i < classes; ++i) top = row[i] > top ? row[i] : top;
    double own = row[target[n]];
    Number sum = 0;
    for (size_t i = 0; i < classes; ++i) {
      row[i] = std::exp(row[i] - top);
      sum += row[i];
    }
    loss += std::log(double(sum)) + top - own;
    Number scale = Number(1) / sum / Number(rows);
    for (size_t i = 0; i < classes; ++i) row[i] *= scale;
    row[target[n]] -= Number(1) / Number(rows);
  }
  return loss / double(rows);
}

static void serve(tcp::socket socket) try {
  socket.set_option(tcp::no_delay(true));
  beast::flat_buffer buffer;
  std::vector<char> body;
  while (true) {
    http::request_parser<http::empty_body> parser;
    parser.body_limit(1u << 30);
    parser.skip(true);
    http::read_header(socket, buffer, parser);
    body.resize(parser.content_length().value());
    // What came with the head, then the rest straight into its place.
    size_t begun = asio::buffer_copy(asio::buffer(body), buffer.data());
    buffer.consume(begun);
    asio::read(socket, asio::buffer(body.data() + begun, body.size() - begun));

    size_t bits, rows, classes;
    if (std::sscanf(std::string(parser.get().target()).c_str(), "/float%zu/%zu/%zu", &bits, &rows, &classes) != 3) return;
    size_t size = rows * classes * bits / 8;
    if (body.size() != size + 8 * rows) return;
    auto target = reinterpret_cast<const int64_t*>(body.data() + size);
    double loss = bits == 32 ? gradient(reinterpret_cast<float*>(body.data()), target, rows, classes)
                             : gradient(reinterpret_cast<double*>(body.data()), target, rows, classes);
    http::response<http::span_body<char>> response{http::status::ok, 11};
    response.set(http::field::content_type, "application/octet-stream");
    response.set("Loss", std::to_string(loss));
    response.body() = {body.data(), size};
    response.prepare_payload();
    http::write(socket, response);
  }
} catch (const std::exception&) {
  // The client has gone.
}

int main(int, char** arguments) {
  asio::io_context context;
  tcp::acceptor acceptor(context, {asio::ip::make_address("127.0.0.1"), uint16_t(std::atoi(arguments[1]))});
  while (true) std::thread(serve, acceptor.accept()).detach();
}

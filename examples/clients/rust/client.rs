//! A client in Rust with ureq and serde_json.
//!
//! Debian: librust-serde-derive-dev librust-serde-json-dev librust-ureq-dev
//! Build: cargo build --quiet --release
//! Run: target/release/client http://127.0.0.1:8080

use serde::{de::DeserializeOwned, Deserialize};
use serde_json::{json, Value};
use std::{env, error::Error, fmt};

#[derive(Deserialize)]
struct Softmax {
    probabilities: Vec<f64>,
}

#[derive(Deserialize)]
struct Loss {
    loss: f64,
}

#[derive(Deserialize)]
struct Gradient {
    gradient: Vec<Vec<f64>>,
}

/// What the service answers when it refuses a request (RFC 9457).
#[derive(Debug, Deserialize)]
struct Problem {
    status: u16,
    detail: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, out: &mut fmt::Formatter) -> fmt::Result {
        write!(out, "{} {}", self.status, self.detail)
    }
}

impl Error for Problem {}

fn post<Answer: DeserializeOwned>(url: String, message: Value) -> Result<Answer, Box<dyn Error>> {
    match ureq::post(&url).send_json(message) {
        Ok(response) => Ok(response.into_json()?),
        Err(ureq::Error::Status(_, response)) => Err(response.into_json::<Problem>()?.into()),
        Err(error) => Err(error.into()),
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let given = env::args().nth(1).unwrap_or("http://127.0.0.1:8080".into());
    let url = given.trim_end_matches('/').to_owned();
    let softmax: Softmax = post(url.clone() + "/softmax", json!({"logits": [0.1 + 0.2, 1.0 / 3.0, -2.5]}))?;
    let loss: Loss = post(url.clone() + "/loss", json!({"logits": [40, 0], "target": 0}))?;
    let logits = [[2.0, 1.0, 0.1], [0.5, 2.5, -1.0]];
    let gradient: Gradient = post(url.clone() + "/gradient", json!({"logits": logits, "target": [0, 2]}))?;
    println!("softmax  {:?}", softmax.probabilities);
    println!("loss     {:?}", loss.loss);
    println!("gradient {:?}", gradient.gradient);
    match post::<Loss>(url + "/loss", json!({"logits": [1, 2], "target": 5})) {
        Ok(_) => return Err("a target that does not exist was answered".into()),
        Err(error) => println!("refused  {}", error.downcast::<Problem>()?),
    }

    let exact = softmax.probabilities == [0.47739415140192576, 0.49357548035441035, 0.02903036824366389]
        && loss.loss == 4.248354255291589e-18
        && gradient.gradient
            == [
                [-0.17049943055701605, 0.12121648535235696, 0.04928294520465908],
                [0.05805726733707059, 0.42898840530422866, -0.4870456726412992],
            ];
    if exact { Ok(()) } else { Err("a number differs".into()) }
}

(* A client in OCaml with ocurl and Yojson.

   Debian: ocaml-nox ocaml-findlib libcurl-ocaml-dev libyojson-ocaml-dev
   Build: ocamlfind ocamlopt -package curl,yojson -linkpkg client.ml -o client
   Run: ./client http://127.0.0.1:8080
*)

module Json = Yojson.Safe

let url =
  let given = if Array.length Sys.argv > 1 then Sys.argv.(1) else "http://127.0.0.1:8080" in
  if String.ends_with ~suffix:"/" given then String.sub given 0 (String.length given - 1) else given

exception Refused of int * string

let curl = Curl.init () (* one handle for all: it keeps the connection open *)

let post path message =
  let text = Buffer.create 1024 in
  Curl.set_url curl (url ^ path);
  Curl.set_httpheader curl [ "Content-Type: application/json" ];
  Curl.set_postfields curl (Json.to_string message);
  Curl.set_writefunction curl (fun part -> Buffer.add_string text part; String.length part);
  Curl.perform curl;
  let answer = Json.from_string (Buffer.contents text) in
  match Curl.get_responsecode curl with
  | 200 -> answer
  | status -> raise (Refused (status, Json.Util.(answer |> member "detail" |> to_string)))

let row numbers = `List (List.map (fun number -> `Float number) numbers)
let numbers json = List.map Json.Util.to_number (Json.Util.to_list json)

let () =
  let softmax = post "/softmax" (`Assoc [ ("logits", row [ 0.1 +. 0.2; 1. /. 3.; -2.5 ]) ]) in
  let loss = post "/loss" (`Assoc [ ("logits", row [ 40.; 0. ]); ("target", `Int 0) ]) in
  let gradient =
    post "/gradient"
      (`Assoc
        [ ("logits", `List [ row [ 2.; 1.; 0.1 ]; row [ 0.5; 2.5; -1. ] ]); ("target", `List [ `Int 0; `Int 2 ]) ])
  in
  let member name json = Json.Util.member name json in
  Printf.printf "softmax  %s\n" (Json.to_string (member "probabilities" softmax));
  Printf.printf "loss     %s\n" (Json.to_string (member "loss" loss));
  Printf.printf "gradient %s\n" (Json.to_string (member "gradient" gradient));
  (match post "/loss" (`Assoc [ ("logits", row [ 1.; 2. ]); ("target", `Int 5) ]) with
  | _ -> failwith "a target that does not exist was answered"
  | exception Refused (status, detail) -> Printf.printf "refused  %d %s\n" status detail);
  let exact =
    numbers (member "probabilities" softmax) = [ 0.47739415140192576; 0.49357548035441035; 0.02903036824366389 ]
    && Json.Util.to_number (member "loss" loss) = 4.248354255291589e-18
    && List.map numbers (Json.Util.to_list (member "gradient" gradient))
       = [ [ -0.17049943055701605; 0.12121648535235696; 0.04928294520465908 ];
           [ 0.05805726733707059; 0.42898840530422866; -0.4870456726412992 ] ]
  in
  if not exact then failwith "a number differs"

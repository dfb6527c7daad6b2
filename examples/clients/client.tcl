# A client in Tcl with its http package and Tcllib's json.
#
# Debian: tcl tcllib
# Run: tclsh client.tcl http://127.0.0.1:8080

package require Tcl 8.6
package require http
package require json

set url [string trimright [expr {$argc > 0 ? [lindex $argv 0] : "http://127.0.0.1:8080"}] /]

proc post {path body} {
    set token [http::geturl $::url$path -type application/json -query $body]
    set status [http::ncode $token]
    set answer [json::json2dict [http::data $token]]
    http::cleanup $token
    if {$status != 200} {
        return -code error -errorcode [list PROBLEM $status] "$status [dict get $answer detail]"
    }
    return $answer
}

proc row {numbers} { return "\[[join $numbers ,]\]" }

# Whether two lists hold the same numbers: == compares their values, eq would compare their texts.
proc equal {ours theirs} {
    if {[llength $ours] != [llength $theirs]} { return 0 }
    foreach a $ours b $theirs { if {$a != $b} { return 0 } }
    return 1
}

set logits [row [list [expr {0.1 + 0.2}] [expr {1.0 / 3}] -2.5]]
set softmax [dict get [post /softmax "{\"logits\":$logits}"] probabilities]
set loss [dict get [post /loss {{"logits":[40,0],"target":0}}] loss]
set gradient [dict get [post /gradient {{"logits":[[2,1,0.1],[0.5,2.5,-1]],"target":[0,2]}}] gradient]
puts "softmax  $softmax"
puts "loss     $loss"
puts "gradient $gradient"
try {
    post /loss {{"logits":[1,2],"target":5}}
    puts stderr "a target that does not exist was answered"
    exit 1
} trap PROBLEM detail {
    puts "refused  $detail"
}

set exact [expr {
    [equal $softmax {0.47739415140192576 0.49357548035441035 0.02903036824366389}]
    && $loss == 4.248354255291589e-18
    && [equal [concat {*}$gradient] {
        -0.17049943055701605 0.12121648535235696 0.04928294520465908
        0.05805726733707059 0.42898840530422866 -0.4870456726412992}]
}]
if {!$exact} {
    puts stderr "a number differs"
    exit 1
}

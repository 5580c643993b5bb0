# cmake -DINPUT=defaults.json -DOUTPUT=defaults_text.cpp -P embed.cmake
file(READ ${INPUT} text)
if(text MATCHES "\\)berth\"")
  message(FATAL_ERROR "${INPUT} contains the delimiter of the raw string")
endif()
file(WRITE ${OUTPUT} "#include \"defaults.hpp\"\n\nnamespace berth::config {\n\n"
  "std::string_view defaults_text() {\n  return R\"berth(")
file(APPEND ${OUTPUT} "${text}")
file(APPEND ${OUTPUT} ")berth\";\n}\n\n}  // namespace berth::config\n")

# A file as a function that returns its text:
#   cmake -DINPUT=a.json -DOUTPUT=a_text.cpp -DHEADER=a.hpp -DNAMESPACE=berth::config -DFUNCTION=a_text -P embed.cmake
file(READ ${INPUT} text)
if(text MATCHES "\\)berth\"")
  message(FATAL_ERROR "${INPUT} contains the delimiter of the raw string")
endif()
file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nnamespace ${NAMESPACE} {\n\n"
  "std::string_view ${FUNCTION}() {\n  return R\"berth(")
file(APPEND ${OUTPUT} "${text}")
file(APPEND ${OUTPUT} ")berth\";\n}\n\n}  // namespace ${NAMESPACE}\n")

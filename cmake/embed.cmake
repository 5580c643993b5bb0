# A file of the tree as text in a library: berth_embed(server docs/openapi.yaml openapi_text "assets.hpp") makes
# `std::string_view openapi_text()` of namespace berth, which the named header declares, part of room `server`.
if(DEFINED INPUT)  # run as a script, at build time
  file(READ ${INPUT} text)
  if(text MATCHES "\\)berth\"")
    message(FATAL_ERROR "${INPUT} contains the delimiter of the raw string")
  endif()
  file(WRITE ${OUTPUT} "#include \"${HEADER}\"\n\nnamespace berth {\n\nstd::string_view ${FUNCTION}() {\n  return R\"berth(")
  file(APPEND ${OUTPUT} "${text}")
  file(APPEND ${OUTPUT} ")berth\";\n}\n\n}  // namespace berth\n")
  return()
endif()

function(berth_embed room file function header)
  set(output ${CMAKE_CURRENT_BINARY_DIR}/${function}.cpp)
  add_custom_command(OUTPUT ${output}
    COMMAND ${CMAKE_COMMAND} -DINPUT=${CMAKE_SOURCE_DIR}/${file} -DOUTPUT=${output} -DFUNCTION=${function} -DHEADER=${header}
      -P ${CMAKE_SOURCE_DIR}/cmake/embed.cmake
    DEPENDS ${CMAKE_SOURCE_DIR}/${file} ${CMAKE_SOURCE_DIR}/cmake/embed.cmake)
  target_sources(berth_${room} PRIVATE ${output})
  target_include_directories(berth_${room} PRIVATE ${CMAKE_CURRENT_SOURCE_DIR})
endfunction()
